"""The time by which commands act on a cutoff."""

from datetime import datetime

from django.core.management.base import CommandError
from django.utils import timezone

from ..errors import ClocksDiffer
from ..operations import clocks


def trusted_now() -> datetime:
    """Now, by a clock that agrees with the database's. Raises CommandError, which ends a command with status 1."""
    try:
        return clocks.trusted(timezone.now)
    except ClocksDiffer as differ:
        raise CommandError(str(differ)) from differ
