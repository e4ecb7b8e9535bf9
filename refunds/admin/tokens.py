"""The signed token of a confirmation page: what was shown, to whom, and until when it may be pressed."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core import signing

SALT: Final = "refunds.admin.approve_all"
# A page that was left open over lunch shows what is no longer so.
MAX_AGE: Final = timedelta(hours=1)


class Forged(ValueError):
    """A token that was not made here for this user."""


@dataclass(frozen=True)
class Token:
    """A confirmation page: the frozen set's highest id, the button's key, the user, when the sweep lapses (ISO)."""

    up_to_id: int
    key: str
    user: str
    lapses_at: str

    @property
    def lapses(self) -> datetime:
        """When a sweep of the page lapses (aware)."""
        return datetime.fromisoformat(self.lapses_at)


def make(*, up_to_id: int, user: object, lapses_at: datetime) -> str:
    """A signed token for the user's primary key, with a key of its own for this page."""
    token = Token(up_to_id, secrets.token_hex(16), str(user), lapses_at.isoformat())
    return signing.dumps(asdict(token), salt=SALT)


def read(signed: str, *, user: object) -> Token:
    """What the page said. Raises Forged for a token that was not made here, or was made for another user."""
    try:
        token = Token(**signing.loads(signed, salt=SALT))
    except (signing.BadSignature, TypeError) as error:  # TypeError: signed by another release, with other contents
        raise Forged("the token was not made here") from error
    if token.user != str(user):
        raise Forged("the token was made for another user")
    return token


def is_old(signed: str) -> bool:
    """Whether the page was shown longer than MAX_AGE ago. Raises BadSignature for what `read` would refuse."""
    try:
        signing.loads(signed, salt=SALT, max_age=MAX_AGE)
    except signing.SignatureExpired:
        return True
    return False
