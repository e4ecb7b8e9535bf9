"""Add this room's lines to the core's `health`."""

from typing import Any

from django.dispatch import receiver

from .. import signals
from . import drift


@receiver(signals.health_requested, dispatch_uid=f"{__name__}.report_drift")
def report_drift(**_: Any) -> list[str]:
    """Return one line per drift and per undeclared entry."""
    return drift.lines()
