"""Fixtures of the comparison of clocks: the core's cluster."""

from ..day.conftest import schedule, start

__all__ = ["schedule", "start"]
