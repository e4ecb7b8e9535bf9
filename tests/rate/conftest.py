"""The cluster in virtual time, as the core's days have it."""

from ..day.conftest import gateway, schedule, start

__all__ = ["gateway", "schedule", "start"]  # fixtures
