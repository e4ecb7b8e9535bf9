"""What preflight raises where it cannot tell the truth. Its commands exit with 2 then."""

from __future__ import annotations

from ..errors import TestkitError


class CannotCheckError(TestkitError):
    """Preflight cannot check this application; the message says what stands in the way, and what to do."""


class ReachedNetworkError(CannotCheckError):
    """Code of the application connects, or looks a host up, and preflight uses no network."""
