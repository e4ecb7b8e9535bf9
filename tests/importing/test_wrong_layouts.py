"""Layout files that are wrong: each is refused in one line."""

import pytest

from refunds.importing.files import BadLayout
from refunds.importing.layout_files import parse

from .test_layouts import SHOP

DATES, MENGE, EUR, LAGER = '["%d.%m.%Y %H:%M"]', 'quantity = "Menge"', 'currency = "EUR"', 'ignore = ["Lager"]'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('decimal = ","', 'decimal = "."', "decimal and thousands are both '.'"),
        ('decimal = ","', 'decimals = ","', "unknown key: 'decimals'; known are separator, "),
        ('decimal = ","', 'decimal = ";"', "decimal is ';'"),
        ('thousands = "."', "thousands = 3", "thousands is 3"),
        ('"semicolon"', '"colon"', "separator is 'colon'; write one of comma, semicolon, tab, pipe"),
        ('"cp1252"', '"utf-7"', "encoding 'utf-7' is not known; write utf-8"),
        ('"cp1252"', '"\\u0000"', "encoding '\\x00' is not known"),
        ('"Europe/Athens"', '"Europe/Nowhere"', "zone 'Europe/Nowhere' is not a time zone"),
        ('"Europe/Athens"', '"../etc"', "zone '../etc' is not a time zone"),
        ('zone = "Europe/Athens"\n', "", "'%d.%m.%Y %H:%M' has no offset (%z): say where its clocks are"),
        (DATES, '["%d.%m %H:%M"]', "'%d.%m %H:%M' needs a year, a month and a day"),
        (DATES, '["%d.%m.%Y %Q"]', "'%d.%m.%Y %Q' has %Q"),
        (DATES, "[]", "dates must be a list of formats"),
        ('"negative"\namount', '"minus"\namount', 'quantity_sign is \'minus\'; write "positive" or "negative"'),
        (MENGE, "", "[columns] has no quantity; say which column it is"),
        (EUR, "", "[columns] has no currency; say which column it is"),
        (MENGE, 'quantities = "Menge"', "unknown field in [columns]: 'quantities'; known are order_line"),
        (MENGE, "quantity = 3", "columns.quantity must be a column's name"),
        (MENGE, 'quantity = ["Menge", "Kunde"]', "column 'Kunde' is among the names of two columns"),
        (MENGE, 'quantity = "rejected_line"', "column 'rejected_line' is kept for files of rejected"),
        ('"Menge"', '{ name = "Menge", strip_suffix = "0" }', "columns.quantity.strip_suffix takes a text with more"),
        ('"Menge"', '{ join = ["Menge", "Stück"], with = "" }', "columns.quantity: a number is one column"),
        ('"Menge"', '{ nam = "Menge" }', "unknown key in columns.quantity: 'nam'"),
        (', with = "-"', "", "columns.order_line: join and with go together"),
        (LAGER, 'ignore = ["Kunde"]', "column 'Kunde' is read and in ignore"),
        (LAGER, 'ignore = "Lager"', "ignore must be a list of texts"),
        (EUR, f'{EUR}\namount = "1"', "unknown field in [constants]: 'amount'"),
        (EUR, f'{EUR}\nreason = "x"', "reason is in [columns] and in [constants]"),
        ('reason = "Grund"', 'reason = "Grund"\nunit_price = "Preis"', "amount and unit_price are both in [columns]"),
        ("[columns]", 'columns = "x"\n[hints]', "columns must be a table"),
        ("[columns]", "[columns", "is not TOML: "),
        # Where Python's reader of TOML fails unexpectedly, the file is wrong too.
        pytest.param(SHOP, f"x = {'[' * 20_000}", "is not TOML: ", id="nested lists"),
        pytest.param(SHOP, f"x = {'{a=' * 5_000}", "is not TOML: ", id="nested tables"),
        pytest.param(SHOP, f"x = {'1' * 5_000}", "is not TOML: ", id="an endless number"),
    ],
)
def test_wrong_layout_file_is_refused_by_file_and_key(old: str, new: str, message: str) -> None:
    """One line names the file, the key and what to write."""
    assert old in SHOP
    with pytest.raises(BadLayout) as caught:
        parse(SHOP.replace(old, new), "shop.toml")
    separator = "" if "TOML" in message else ": "
    assert str(caught.value).startswith("layout shop.toml" + separator)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
