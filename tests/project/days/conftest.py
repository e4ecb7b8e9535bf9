"""The cluster in virtual time, as the core's days have it."""

from ...day.conftest import schedule, start

__all__ = ["schedule", "start"]
