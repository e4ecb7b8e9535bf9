"""Read the time by which commands act on a cutoff."""

from datetime import datetime

from django.core.management.base import CommandError

from .. import operations
from ..errors import ClocksDiffer


def trusted_now() -> datetime:
    """Return the time of `operations.trusted_now`. Raises CommandError, which ends a command with status 1."""
    try:
        return operations.trusted_now()
    except ClocksDiffer as differ:
        raise CommandError(str(differ)) from differ
