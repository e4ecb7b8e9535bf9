"""Layout files: what they say, what is wrong with one, and the layouts that are shipped."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from refunds.importing.files import LAYOUTS, OWN, BadFile, BadLayout, Format, Return, load
from refunds.importing.layout import Layout
from refunds.importing.layout_files import parse

from .files import GOOD, HEADER, csv_file, jsonl_file, line, messages, read, taken

SAMPLES = Path(__file__).parent / "samples"
AT = datetime(2026, 7, 14, 9, 30, tzinfo=UTC)
SHOP = """\
separator = "semicolon"
encoding = "cp1252"
decimal = ","
thousands = "."
dates = ["%d.%m.%Y %H:%M"]
zone = "Europe/Athens"
quantity_sign = "negative"
amount_sign = "negative"
ignore = ["Lager"]

[columns]
order_line = { join = [["Bestellung", "Bestell-Nr."], "Position"], with = "-" }
quantity = "Menge"
amount = ["Betrag", "Summe"]
requested_at = "Datum"
reason = "Grund"
customer = { name = "Kunde", strip_suffix = ".0" }

[constants]
currency = "EUR"
"""
SHOP_HEADER = "BESTELL-NR. ;position;menge;Summe;Datum;Grund;Kunde;Lager"


def shop(row: str, text: str = SHOP) -> list[object]:
    """Read one row of the shop's file."""
    return [*read(f"{SHOP_HEADER}\n{row}\n".encode("cp1252"), parse(text, "shop.toml"))]


def test_layout_file_describes_the_files_of_a_shop() -> None:
    """It has names of columns, marks, dates and zone, signs, encoding, separator and constants."""
    (row,) = taken(shop("R-1001;2;-3;-1.234,50;14.07.2026 12:30;zu groß;17.0;A"))  # type: ignore[arg-type]
    assert row.content == Return("R-1001-2", 3, 123450, "EUR", "zu groß", "17", "", AT)


@pytest.mark.parametrize(
    ("amount", "minor"), [("-1.234", 123400), ("-1234,5", 123450), ("-1.234.567,89", 123456789), ("-0,5", 50)]
)
def test_declared_marks_are_read(amount: str, minor: int) -> None:
    """A thousands mark that the layout declares does not divide an amount by a thousand."""
    (row,) = taken(shop(f"R-1;1;-1;{amount};14.07.2026 12:30;;;"))  # type: ignore[arg-type]
    assert row.content.amount_minor == minor


@pytest.mark.parametrize("amount", ["-1.23", "-12.34,5", "-1234.567", "-1,234.50", "-.5", "-1.2345", "-1,", "-1 234"])
def test_mark_in_the_wrong_place_is_refused(amount: str) -> None:
    """A group has three digits, and nothing is guessed."""
    (message,) = messages(shop(f"R-1;1;-1;{amount};14.07.2026 12:30;;;"))  # type: ignore[arg-type]
    assert message.startswith(f"line 2: Summe '{amount}' is not a number with ',' before its decimals and '.' between")


@pytest.mark.parametrize("amount", ["1,234.50", "1,23", "1,234"])
def test_undeclared_mark_is_refused_with_the_option(amount: str) -> None:
    """The message says how decimals and thousands are declared."""
    (message,) = messages(read(csv_file(line(amount=amount))))
    assert message.startswith(f"line 2: amount '{amount}' is not a number with a dot before its decimals; if a comma")
    assert "--decimal ," in message


@pytest.mark.parametrize(
    ("literal", "found"),
    [
        ("12.500", "amount 12.500 has 3 decimals, and GBP has 2 decimals; the dot may be a thousands separator"),
        ("12.50", 1250),
        ("12500", 1250000),
        ('"12.500"', 1250000),
        ('"12,50"', 1250),
    ],
)
@pytest.mark.parametrize("thousands", [".", "\u00a0"])
def test_json_number_has_a_decimal_dot(literal: str, found: int | str, thousands: str) -> None:
    """The layout's marks apply to text only: 12.500 without quotes is not twelve thousand, and is rejected."""
    if thousands != "." and literal == '"12.500"':
        found = "amount '12.500' is not a number with ',' before its decimals"
    layout = dataclasses.replace(OWN, decimal=",", thousands=thousands)
    cells = {name: json.dumps(value) for name, value in GOOD.items()} | {"amount": literal}
    text = ", ".join(f'"{name}": {value}' for name, value in cells.items())
    (row,) = read(f"{{{text}}}\n".encode(), layout, Format.JSONL)
    if isinstance(found, int):
        assert taken([row])[0].content.amount_minor == found
    else:
        assert messages([row])[0].startswith(f"line 1: {found}")


def test_declared_thousands_with_a_decimal_dot() -> None:
    """1,234.50 is read; 1,23 is refused."""
    layout = dataclasses.replace(OWN, thousands=",")
    found = read(csv_file(line(amount="1,234.50"), line(amount="1,23"), line(quantity="1,000")), layout)
    assert [(row.content.amount_minor, row.content.quantity) for row in taken(found)] == [(123450, 2), (1250, 1000)]
    assert len(messages(found)) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("R-1;1;1;-1,00;14.07.2026 12:30;;;", "menge 1 is not negative: not a return"),
        ("R-1;1;-1;1,00;14.07.2026 12:30;;;", "Summe '1.00' is not negative: not a return"),
        ("R-1;;-1;-1,00;14.07.2026 12:30;;;", "position is missing"),
        ("R-1;1;-1;-1,00;2026-07-14 12:30;;;", "Datum '2026-07-14 12:30' is not a date and time written as %d.%m.%Y"),
        ("R-1;1;-1;-1,00;29.03.2026 03:30;;;", "Datum '29.03.2026 03:30' does not exist: the clocks of Europe/Athens"),
        ("R-1;1;-1;-1,00;01.01.0001 00:00;;;", "Datum '01.01.0001 00:00' is not in the years 1900 to 9998"),
    ],
)
def test_reasons_name_the_columns_of_the_file(row: str, reason: str) -> None:
    """It has the names of the file, and not those of the layout or this project."""
    assert messages(shop(row))[0].startswith(f"line 2: {reason}")  # type: ignore[arg-type]


def test_date_that_two_formats_read_differently_is_refused() -> None:
    """3 April or 4 March is not guessed. 14 July fits only one of the formats."""
    text = SHOP.replace('["%d.%m.%Y %H:%M"]', '["%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M"]')
    found = shop("R-1;1;-1;-1,00;03.04.2026 12:30;;;", text) + shop("R-1;1;-1;-1,00;14.07.2026 12:30;;;", text)
    assert "is a different time by each of" in messages(found)[0]  # type: ignore[arg-type]
    assert taken(found)[0].content.requested_at == AT  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('decimal = ","', 'decimal = "."', "decimal and thousands are both '.'"),
        ('decimal = ","', 'decimals = ","', "unknown key: 'decimals'; known are separator, "),
        ('decimal = ","', 'decimal = ";"', "decimal is ';'"),
        ('thousands = "."', "thousands = 3", "thousands is 3"),
        ('"semicolon"', '"colon"', "separator is 'colon'; write one of comma, semicolon, tab, pipe"),
        ('"cp1252"', '"utf-7"', "encoding 'utf-7' is not known; write utf-8"),
        ('"Europe/Athens"', '"Europe/Nowhere"', "zone 'Europe/Nowhere' is not a time zone"),
        ('"Europe/Athens"', '"../etc"', "zone '../etc' is not a time zone"),
        ('zone = "Europe/Athens"\n', "", "'%d.%m.%Y %H:%M' has no offset (%z): say where its clocks are"),
        ('["%d.%m.%Y %H:%M"]', '["%d.%m %H:%M"]', "'%d.%m %H:%M' needs a year, a month and a day"),
        ('["%d.%m.%Y %H:%M"]', '["%d.%m.%Y %Q"]', "'%d.%m.%Y %Q' has %Q"),
        ('["%d.%m.%Y %H:%M"]', "[]", "dates must be a list of formats"),
        ('"negative"\namount', '"minus"\namount', 'quantity_sign is \'minus\'; write "positive" or "negative"'),
        ('quantity = "Menge"\n', "", "[columns] has no quantity; say which column it is"),
        ('[constants]\ncurrency = "EUR"\n', "", "[columns] has no currency; say which column it is"),
        (
            'quantity = "Menge"',
            'quantities = "Menge"',
            "unknown field in [columns]: 'quantities'; known are order_line",
        ),
        ('quantity = "Menge"', "quantity = 3", "columns.quantity must be a column's name"),
        ('quantity = "Menge"', 'quantity = ["Menge", "Kunde"]', "column 'Kunde' is among the names of two columns"),
        ('quantity = "Menge"', 'quantity = "rejected_line"', "column 'rejected_line' is kept for files of rejected"),
        ('"Menge"', '{ name = "Menge", strip_suffix = "0" }', "columns.quantity.strip_suffix takes a text with more"),
        ('"Menge"', '{ join = ["Menge", "Stück"], with = "" }', "columns.quantity: a number is one column"),
        ('"Menge"', '{ nam = "Menge" }', "unknown key in columns.quantity: 'nam'"),
        (', with = "-"', "", "columns.order_line: join and with go together"),
        ('ignore = ["Lager"]', 'ignore = ["Kunde"]', "column 'Kunde' is read and in ignore"),
        ('ignore = ["Lager"]', 'ignore = "Lager"', "ignore must be a list of texts"),
        ('currency = "EUR"', 'currency = "EUR"\namount = "1"', "unknown field in [constants]: 'amount'"),
        ('currency = "EUR"', 'currency = "EUR"\nreason = "x"', "reason is in [columns] and in [constants]"),
        ('reason = "Grund"', 'reason = "Grund"\nunit_price = "Preis"', "amount and unit_price are both in [columns]"),
        ("[columns]", "[columns", "layout shop.toml is not TOML: "),
        ("[columns]", 'columns = "x"\n[hints]', "columns must be a table"),
    ],
)
def test_wrong_layout_file_is_refused_by_file_and_key(old: str, new: str, message: str) -> None:
    """One line names the file, the key and what to write."""
    assert old in SHOP
    with pytest.raises(BadLayout) as caught:
        parse(SHOP.replace(old, new), "shop.toml")
    assert str(caught.value).startswith("layout shop.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(f"x = {'[' * 20_000}", "is not TOML: ", id="nested lists"),
        pytest.param(f"x = {'{a=' * 5_000}", "is not TOML: ", id="nested tables"),
        pytest.param(f"x = {'1' * 5_000}", "is not TOML: ", id="an endless number"),
        pytest.param(SHOP.replace("cp1252", "\\u0000"), "encoding '\\x00' is not known", id="NUL for an encoding"),
    ],
)
def test_layout_file_that_breaks_the_reader_is_refused_in_one_line(text: str, message: str) -> None:
    """The file is wrong also where Python's reader of TOML fails unexpectedly."""
    with pytest.raises(BadLayout) as caught:
        parse(text, "shop.toml")
    assert str(caught.value).startswith(f"layout shop.toml{':' if 'encoding' in message else ''} {message}")
    assert len(str(caught.value).splitlines()) == 1


def test_layout_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    file = tmp_path / "shop.toml"
    file.write_text(SHOP, "utf-8-sig")
    assert load(str(file)).separator == ";"


def test_layout_is_a_name_or_a_path(tmp_path: Path) -> None:
    """A text that ends in .toml or has a path separator is a path."""
    file = tmp_path / "shop.toml"
    file.write_text(SHOP)
    assert load(str(file)).separator == ";"
    with pytest.raises(BadLayout, match="there is no layout 'shop'; there are own, amazon-fba-returns, online-retail"):
        load("shop")
    with pytest.raises(BadLayout, match=r"cannot read layout none\.toml: No such file"):
        load("none.toml")
    file.write_bytes(b"\xff")
    with pytest.raises(BadLayout, match="is not UTF-8"):
        load(str(file))


def test_own_layout_ignores_case_and_rows_of_commas() -> None:
    """Spreadsheets write headers and empty rows so."""
    data = csv_file(",,,,,,,", line(), " , ,,,,,, \t", '"",,,,,,,""', header=HEADER.upper().replace(",", " , "))
    assert read(data) == [read(csv_file("", line()))[0]]
    upper = {name.upper(): value for name, value in GOOD.items()}
    assert len(taken(read(jsonl_file(upper), form=Format.JSONL))) == 1
    with pytest.raises(BadFile, match="doubled 'amount', 'AMOUNT'"):
        read(csv_file(line(), header=f"{HEADER},AMOUNT"))
    assert "only one may be there of" in messages(read(jsonl_file({**upper, **GOOD}), form=Format.JSONL))[0]


def test_two_names_of_one_column_are_refused_together() -> None:
    """The right one is not guessed."""
    with pytest.raises(BadFile, match="doubled 'Betrag', 'Summe'"):
        read(b"Bestellung;Position;Menge;Betrag;Summe;Datum\n", parse(SHOP, "shop.toml"))


def sample(name: str) -> tuple[Layout, bytes, Format]:
    (file,) = SAMPLES.glob(f"{name}.*")
    return LAYOUTS[name], file.read_bytes(), Format.JSONL if file.suffix == ".json" else Format.CSV


@pytest.mark.parametrize(
    ("name", "content", "rejected"),
    [
        (
            "stripe-refunds",
            Return("re_1001", 1, 1250, "EUR", "requested_by_customer", "", "ann@example.com", AT, "ch_1001", "re_1001"),
            "Status is 'succeeded'; layout stripe-refunds takes rows with 'canceled' or 'failed' alone",
        ),
        (
            "woocommerce",
            Return("124/726", 1, 1000, "EUR", "too small", "", "", AT),
            "refunded_payment is 'true'; layout woocommerce takes rows with 'false' alone",
        ),
        (
            "amazon-fba-returns",
            Return("R-1001/MUG-BLUE", 1, 1250, "EUR", "DEFECTIVE: The handle is loose", "", "", AT),
            "amount is missing",
        ),
        (
            "shopify",
            Return("#R-1001/MUG-BLUE", 1, 1250, "EUR", "too small", "", "ann@example.com", AT),
            "Financial Status is 'refunded'; layout shopify takes rows with",
        ),
    ],
)
def test_exports_of_shops_are_read_by_their_layouts(name: str, content: Return, rejected: str) -> None:
    """Rows that are due are imported. Rows that were paid already, or have no amount, are rejected by name."""
    layout, data, form = sample(name)
    found = read(data, layout, form)
    assert taken(found)[0].content == content
    assert rejected in messages(found)[-1]
    assert len(messages(found)) == 1


def test_missing_column_of_an_export_has_a_hint() -> None:
    """Amazon's report has no prices and Shopify's no returns, so the message says what to add."""
    for name, column, hint in (
        ("amazon-fba-returns", b"amount", "Amazon's report has no prices: add a column amount"),
        ("shopify", b"Return quantity", 'does not say what came back: add a column "Return quantity"'),
        ("stripe-refunds", b"Charge", "choose the column Charge when you export"),
    ):
        layout, data, form = sample(name)
        with pytest.raises(BadFile, match="has not the header of layout") as caught:
            read(data.replace(column, b"other", 1), layout, form)
        assert hint in str(caught.value)
