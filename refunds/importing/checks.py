"""Check the currencies that an import accepts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from ..apps import LABEL
from ..domain.money import EXPONENTS


@register(Tags.compatibility)
def currencies_known(**_: Any) -> list[CheckMessage]:
    """Report an accepted currency that is not in ISO 4217: its decimals are unknown."""
    accepted: object = getattr(settings, "REFUNDS_CURRENCIES", None)
    if not isinstance(accepted, tuple | list) or not accepted:
        return [
            Error(
                f"REFUNDS_CURRENCIES is {accepted!r}: an import would reject every row.",
                hint="List the currencies that you pay refunds in, such as ('EUR', 'GBP'); in the environment EUR,GBP.",
                id=f"{LABEL}.E009",
            )
        ]
    return [
        Error(
            f"REFUNDS_CURRENCIES has {code!r}, which is not a currency of ISO 4217 with a minor unit.",
            hint="Write its three capital letters. Codes of funds and metals, and XXX, cannot be paid.",
            id=f"{LABEL}.E010",
        )
        for code in accepted
        if code not in EXPONENTS
    ]
