"""Decide what a mail about a decline tells the customer: a sentence from the page, or the text of the setting."""

from typing import Final

from django.conf import settings
from django.utils.translation import gettext, override

from ..text.invisible import invisible

# Characters: a short paragraph, and half of the longest line of a mail.
LONGEST: Final = 500


def text_of(code: str) -> str:
    """Return the text that the setting REFUNDS_DECLINE_TEXTS has for this code. An empty text means no mail.

    A lazy text is in the language of the mail around it, whatever that of the user who declines.
    """
    with override(settings.LANGUAGE_CODE):
        return str(getattr(settings, "REFUNDS_DECLINE_TEXTS", {}).get(code, "")).strip()


def problem(text: str) -> str | None:
    """Return why no mail can have the text in it, or None. A text can have several lines."""
    if len(text) > LONGEST:
        return gettext("it has %(count)s characters; shorten it to %(most)s") % {"count": len(text), "most": LONGEST}
    if found := invisible(text.replace("\n", " ")):
        position, character = found
        return gettext("it has a character that cannot be seen, %(character)s at position %(position)s; remove it") % {
            "character": character,
            "position": position,
        }
    return None
