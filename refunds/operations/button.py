"""The button: approve what its page showed. A second press is harmless: it finds the row of the page's unique key."""

from datetime import datetime

from django.contrib.auth.models import User

from ..domain.returns import Decision
from ..domain.sweeps import Frozen
from ..models import Sweep
from .sweeps import start


def start_approve(*, key: str, frozen: Frozen, by: User | None, now: datetime) -> tuple[Sweep, bool]:
    """Approve what is pending in the frozen set. Return the key's sweep, and whether this call created it."""
    return start(Decision.APPROVE, frozen, by, now, key=key)
