"""System checks of the accepted currencies."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL
from refunds.domain.money import EXPONENTS


def ids() -> list[str | None]:
    """Return the id of each problem that this room finds."""
    return [message.id for message in run_checks() if message.id in {f"{LABEL}.E009", f"{LABEL}.E010"}]


@pytest.mark.parametrize("code", ["XAU", "XXX", "CLF", "BGL", "eur", "EURO", "€"])
def test_currency_without_known_decimals_is_reported(settings: Settings, code: str) -> None:
    """Metals, funds, withdrawn codes and misspelt ones: their decimals are not known."""
    settings.REFUNDS_CURRENCIES = ("EUR", code)
    (message,) = [message for message in run_checks() if message.id == f"{LABEL}.E010"]
    assert message.msg.startswith(f"REFUNDS_CURRENCIES has {code!r}, which is not a currency of ISO 4217")


@pytest.mark.parametrize("empty", [(), [], "", "EUR"])
def test_empty_or_malformed_list_of_currencies_is_reported(settings: Settings, empty: object) -> None:
    """Every row would be rejected; a text instead of a list would accept each of its parts."""
    settings.REFUNDS_CURRENCIES = empty
    assert ids() == [f"{LABEL}.E009"]
    del settings.REFUNDS_CURRENCIES  # which somebody who copied the app has not set
    assert ids() == [f"{LABEL}.E009"]


def test_every_currency_of_iso_4217_can_be_accepted(settings: Settings) -> None:
    """The check knows all of them."""
    settings.REFUNDS_CURRENCIES = tuple(EXPONENTS)
    assert ids() == []
