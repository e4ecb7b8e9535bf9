"""The signed token of a confirmation page: what was shown, to whom, and until when it can be confirmed."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core import signing

from ..domain.sweeps import Frozen, has_expired
from .base import kyiv

# What the pages' tokens are signed with, so that the token of one page is of no use to another.
SALT: Final = "refunds.admin.approve_all"
# A page that was left open over lunch shows what is no longer so.
MAX_AGE: Final = timedelta(hours=1)


class Forged(ValueError):
    """A token that was not made here for this user; the message is for the user."""


@dataclass(frozen=True)
class Token:
    """A confirmation page: its frozen set, its key, the user, and the cut-off from which on it is too late (ISO)."""

    up_to_id: int
    snapshot: str
    key: str
    user: str
    expires_at: str

    @property
    def frozen(self) -> Frozen:
        """The return requests that the page showed."""
        return Frozen(self.up_to_id, self.snapshot)

    @property
    def expires(self) -> datetime:
        """From when on the page is too late (aware)."""
        return datetime.fromisoformat(self.expires_at)


def make(*, frozen: Frozen, user: object, expires_at: datetime, salt: str = SALT) -> str:
    """A signed token for the user's primary key, with a key of its own for this page."""
    token = Token(frozen.up_to_id, frozen.snapshot, secrets.token_hex(16), str(user), expires_at.isoformat())
    return signing.dumps(asdict(token), salt=salt)


def read(signed: str, *, user: object, salt: str = SALT) -> Token:
    """What the page said. Raises Forged for a token that was not made here, or was made for another user."""
    try:
        token = Token(**signing.loads(signed, salt=salt))
    except (signing.BadSignature, TypeError) as error:  # TypeError: signed by another release, with other contents
        raise Forged("the form was not one that this page made for you.") from error
    if token.user != str(user):
        raise Forged("the form was not one that this page made for you.")
    return token


def too_late(signed: str, token: Token, now: datetime, *, salt: str = SALT) -> str:
    """Why the page can no longer be confirmed at `now`; empty where it can. Raises BadSignature where `read` does."""
    try:
        signing.loads(signed, salt=salt, max_age=MAX_AGE)
    except signing.SignatureExpired:
        return "the page had been open for more than an hour."
    if has_expired(token.expires, now):
        return f"the cut-off of {kyiv(token.expires)} (Kyiv) passed after the page was made."
    return ""
