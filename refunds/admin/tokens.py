"""The signed token of a confirmation page: what the page showed, to whom, and how long it can be confirmed."""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Final

from django.core import signing

from ..apps import LABEL
from ..domain import cutoff
from ..domain.sweeps import Frozen, has_expired
from .base import in_zone

# The numbers of a page that was open for longer, such as over lunch, are no longer true.
MAX_AGE: Final = timedelta(hours=1)


class Unusable(ValueError):
    """A token that cannot be used (any more). The text says why, for the user."""


@dataclass(frozen=True)
class Token:
    """A page that showed a frozen set at an instant (ISO 8601). The page's own `key` makes two presses one sweep."""

    up_to_id: int
    snapshot: str
    shown_at: str
    key: str = field(default_factory=token_hex)

    @property
    def frozen(self) -> Frozen:
        """The return requests that the page showed."""
        return Frozen(self.up_to_id, self.snapshot)

    def check(self, now: datetime) -> None:
        """Raise Unusable at `now` (aware) if the page is older than MAX_AGE or from before the last cutoff."""
        shown_at = datetime.fromisoformat(self.shown_at)
        if now - shown_at > MAX_AGE:
            raise Unusable("the page had been open for more than an hour.")
        if has_expired(expires := cutoff.upcoming(shown_at), now):
            raise Unusable(f"the cutoff of {in_zone(expires)} ({cutoff.CITY}) passed after the page was made.")


def make(*, page: str, user: object, frozen: Frozen, now: datetime) -> str:
    """Return a signed token, with a new key, for the page that `user` (a primary key) is shown at `now`."""
    return signing.dumps(asdict(Token(frozen.up_to_id, frozen.snapshot, now.isoformat())), salt=_salt(page, user))


def read(signed: str, *, page: str, user: object) -> Token:
    """Return the token. Raise Unusable for one that was not made here for this page and this user."""
    try:
        return Token(**signing.loads(signed, salt=_salt(page, user)))
    except (signing.BadSignature, TypeError) as error:  # TypeError: signed by another release, with other contents
        raise Unusable("the form was not one that this page made for you.") from error


def _salt(page: str, user: object) -> str:
    return f"{LABEL}.admin.{page}:{user}"
