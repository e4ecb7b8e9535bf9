"""Say in the page's language what pages call states and decisions. Rows, the history and the CSV keep English words."""

from functools import partial
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext, gettext_lazy, gettext_noop, override

from ..domain import cutoff

# Each value of Status, Decision, RefundStatus and SweepState. Rooms add the values of their own.
WORDS: Final[dict[str, Any]] = {
    "requested": gettext_lazy("requested"),
    "approved": gettext_lazy("approved"),
    "declined": gettext_lazy("declined"),
    "approve": gettext_lazy("approve"),
    "decline": gettext_lazy("decline"),
    "pending": gettext_lazy("pending"),
    "processing": gettext_lazy("processing"),
    "succeeded": gettext_lazy("succeeded"),
    "failed": gettext_lazy("failed"),
    "planning": gettext_lazy("planning"),
    "running": gettext_lazy("running"),
    "done": gettext_lazy("done"),
    "expired": gettext_lazy("expired"),
    "cancelled": gettext_lazy("cancelled"),
}

# The city of the cutoff's zone. Another city has a name here once it is marked.
CITY: Final = gettext_lazy(cutoff.CITY)
KYIV: Final = gettext_noop("Kyiv")
# The label of domain.refunds.TRY_AGAIN.
TRY_AGAIN: Final = gettext_noop("Try again")

# `with recorded():` around a text that the history keeps: others read it in another language.
recorded: Final = partial(override, "en")


def label(code: str) -> str:
    """Return what pages call the code of a decline; a code that the setting has lost as it is."""
    found = settings.REFUNDS_DECLINE_CODES.get(code, code)
    return gettext(str(found)) if found else ""  # an empty text would be "translated" into the catalogue's header


def word(value: str) -> str:
    """Return what pages call the value; an unknown value as it is."""
    return str(WORDS.get(value, value))
