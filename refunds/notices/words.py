"""Say in the page's language what pages call the states of a notice, and why it has no mail."""

from typing import Final

from django.utils.translation import gettext_lazy

from ..admin.words import WORDS
from .queries import OPTED_OUT, REOPENED

# Makemessages reads literals alone. Those of the reasons are the constants' own texts.
OWN: Final = {
    "sent": gettext_lazy("sent"),
    "suppressed": gettext_lazy("suppressed"),
    OPTED_OUT: gettext_lazy("the customer has opted out"),
    REOPENED: gettext_lazy("the refund did not stay failed until the mail was sent"),
}
WORDS.update(OWN)
