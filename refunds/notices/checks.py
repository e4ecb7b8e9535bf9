"""Check that the links in mails lead to a page, and that the texts about declines can be mailed."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import NoReverseMatch

from ..admin.words import recorded
from ..apps import LABEL
from . import declines, opt_outs

# Scheme, host, port and the beginning of a path, in characters that a mail's header needs not encode.
PUBLIC = re.compile(r"https?://([\w.-]+|\[[0-9a-f:.]+])(:\d{1,5})?(/[\w.~%/-]*)?", re.ASCII | re.IGNORECASE)


@register(Tags.urls)
def public_url(**_: Any) -> list[CheckMessage]:
    """Report a REFUNDS_PUBLIC_URL that is no URL, or leads to no opt-out page. Without it, mails have no link."""
    public = getattr(settings, "REFUNDS_PUBLIC_URL", "")
    return [*_is_address(public), *_has_page()] if public else []


def _is_address(public: str) -> list[CheckMessage]:
    if PUBLIC.fullmatch(public):
        return []
    return [
        Error(
            f"REFUNDS_PUBLIC_URL is {public!r}, which is not an http or https address.",
            hint="Name the scheme and host by which customers reach this project, such as https://returns.example.com. "
            "Or leave it empty: then mails have no link to opt out.",
            id=f"{LABEL}.E005",
        )
    ]


def _has_page() -> list[CheckMessage]:
    try:
        opt_outs.link("c@example.com")
    except NoReverseMatch:
        return [
            Error(
                f"REFUNDS_PUBLIC_URL is set, and no page is named {opt_outs.PAGE!r}: no mail could be written.",
                hint=f'Add path("", include("{__package__}.urls")) to the URLs of the project.',
                id=f"{LABEL}.E006",
            )
        ]
    return []


@register(Tags.compatibility)
def decline_texts(**_: Any) -> list[CheckMessage]:
    """Report a text of REFUNDS_DECLINE_TEXTS that no decline would use, or that cannot be mailed."""
    texts = getattr(settings, "REFUNDS_DECLINE_TEXTS", {})
    unused = [(code, "it is no code of REFUNDS_DECLINE_CODES") for code in {*texts} - {*settings.REFUNDS_DECLINE_CODES}]
    with recorded():
        unfit = [(code, why) for code in texts if (why := declines.problem(declines.text_of(code)))]
    return [
        Error(
            f"REFUNDS_DECLINE_TEXTS has {code!r}: {why}.",
            hint="Map codes of REFUNDS_DECLINE_CODES to the sentence that customers get by mail.",
            id=f"{LABEL}.E015",
        )
        for code, why in [*unused, *unfit]
    ]
