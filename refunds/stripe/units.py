"""Convert amounts to Stripe's units, which for a few currencies are not the minor units of ISO 4217."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..domain.money import EXPONENTS, to_major
from ..gateways.base import Refused

# Where Stripe's decimals are not those of ISO 4217 (https://docs.stripe.com/currencies, "Zero-decimal currencies" and
# "Special cases"): 5 ISK and 5 UGX are 500, 5 MGA is 5. Its special cases of HUF and TWD concern only payouts.
DECIMALS: Final[Mapping[str, int]] = MappingProxyType({"ISK": 2, "UGX": 2, "MGA": 0})
# The last digit of an amount with three decimals must be 0 (the same page, "Three-decimal currencies").
THREE: Final = 3
LAST_DIGIT: Final = 10
_POWERS: Final = (1, 10, 100, 1_000)
_ANOTHER_WAY: Final = 'pay it by another way, then use "Settled elsewhere"'


def in_stripe_units(amount_minor: int, currency: str) -> int:
    """Return the amount, in minor units of ISO 4217, as the parameter `amount` of Stripe's API.

    Raises Refused if Stripe has no such amount, or if the currency's decimals at Stripe are not known.
    """
    decimals = EXPONENTS.get(currency)
    if decimals is None or decimals > THREE:
        raise Refused(f"{currency} is not a currency that Stripe documents; {_ANOTHER_WAY}")
    scaled, rest = divmod(amount_minor * _POWERS[DECIMALS.get(currency, decimals)], _POWERS[decimals])
    if rest or (decimals == THREE and scaled % LAST_DIGIT):
        raise Refused(
            f"{to_major(amount_minor, currency)} {currency} is finer than what Stripe can pay in {currency}; "
            f"{_ANOTHER_WAY}"
        )
    return scaled
