"""Layout files: what they say, and what is wrong with one."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from refunds.importing.files import OWN, BadLayout, Format, Return, Row, load
from refunds.importing.layout_files import parse

from .files import GOOD, HEADER, content, csv_file, jsonl_file, line, messages, read, refusal, rejection, taken
from .test_json import row_with

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
NO_NUMBER = "is not a number with ',' before its decimals and '.' between groups of three digits"
SHOP_LAYOUT = parse(SHOP, "shop.toml")


def shop(row: str) -> bytes:
    """A file of the shop with one row."""
    return f"BESTELL-NR. ;position;menge;Summe;Datum;Grund;Kunde;Lager\n{row}\n".encode("cp1252")


def test_layout_file_describes_the_files_of_a_shop() -> None:
    """It has names of columns, marks, dates and zone, signs, encoding, separator and constants."""
    row = content(shop("R-1001;2;-3;-1.234,50;14.07.2026 12:30;zu groß;17.0;A"), SHOP_LAYOUT)
    assert row == Return("R-1001-2", 3, 123450, "EUR", "zu groß", "17", "", datetime(2026, 7, 14, 9, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("amount", "minor"), [("-1.234", 123400), ("-1234,5", 123450), ("-1.234.567,89", 123456789), ("-0,5", 50)]
)
def test_declared_marks_are_read(amount: str, minor: int) -> None:
    """A thousands mark that the layout declares does not divide an amount by a thousand."""
    assert content(shop(f"R-1;1;-1;{amount};14.07.2026 12:30;;;"), SHOP_LAYOUT).amount_minor == minor


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
    (row,) = read(row_with("amount", literal), layout, Format.JSONL)
    if isinstance(row, Row):
        assert row.content.amount_minor == found
    else:
        assert str(row).startswith(f"line 1: {found}")


def test_declared_thousands_with_a_decimal_dot() -> None:
    """1,234.50 is read; 1,23 is refused."""
    layout = dataclasses.replace(OWN, thousands=",")
    found = read(csv_file(line(amount="1,234.50"), line(amount="1,23"), line(quantity="1,000")), layout)
    assert [(row.content.amount_minor, row.content.quantity) for row in taken(found)] == [(123450, 2), (1250, 1000)]
    assert len(messages(found)) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        *(
            (f"R-1;1;-1;{amount};14.07.2026 12:30;;;", f"Summe '{amount}' {NO_NUMBER}")
            for amount in ("-1.23", "-12.34,5", "-1234.567", "-1,234.50", "-.5", "-1.2345", "-1,", "-1 234")
        ),
        ("R-1;1;1;-1,00;14.07.2026 12:30;;;", "menge 1 is not negative: not a return"),
        ("R-1;1;-1;1,00;14.07.2026 12:30;;;", "Summe '1.00' is not negative: not a return"),
        ("R-1;;-1;-1,00;14.07.2026 12:30;;;", "position is missing"),
        ("R-1;1;-1;-1,00;2026-07-14 12:30;;;", "Datum '2026-07-14 12:30' is not a date and time written as %d.%m.%Y"),
        ("R-1;1;-1;-1,00;29.03.2026 03:30;;;", "Datum '29.03.2026 03:30' does not exist: the clocks of Europe/Athens"),
        ("R-1;1;-1;-1,00;01.01.0001 00:00;;;", "Datum '01.01.0001 00:00' is not in the years 1900 to 9998"),
    ],
)
def test_reasons_name_the_columns_of_the_file(row: str, reason: str) -> None:
    """It has the names of the file, and not those of the layout or this project. Marks are not guessed."""
    assert rejection(shop(row), SHOP_LAYOUT).startswith(f"line 2: {reason}")


def test_date_that_two_formats_read_differently_is_refused() -> None:
    """3 April or 4 March is not guessed. 14 July fits only one of the formats."""
    layout = parse(SHOP.replace('["%d.%m.%Y %H:%M"]', '["%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M"]'), "shop.toml")
    ambiguous, clear = (shop(f"R-1;1;-1;-1,00;{day}.2026 12:30;;;") for day in ("03.04", "14.07"))
    assert "is a different time by each of" in rejection(ambiguous, layout)
    assert content(clear, layout) == content(clear, SHOP_LAYOUT)


def test_layout_is_a_name_or_a_path(tmp_path: Path) -> None:
    """A text that ends in .toml or has a path separator is a path. Editors on Windows write a byte order mark."""
    file = tmp_path / "shop.toml"
    for encoding in ("utf-8", "utf-8-sig"):
        file.write_text(SHOP, encoding)
        assert load(str(file)).separator == ";"
    with pytest.raises(BadLayout, match="there is no layout 'shop'; there are own, amazon-fba-returns, online-retail"):
        load("shop")
    with pytest.raises(BadLayout, match=r"cannot read layout none\.toml: No such file"):
        load("none.toml")
    file.write_bytes(b"\xff")
    with pytest.raises(BadLayout, match="is not UTF-8"):
        load(str(file))


def test_case_and_rows_of_commas_are_ignored() -> None:
    """Spreadsheets write headers and empty rows so. Two names of one column are refused together."""
    data = csv_file(",,,,,,,", line(), " , ,,,,,, \t", '"",,,,,,,""', header=HEADER.upper().replace(",", " , "))
    assert read(data) == [read(csv_file("", line()))[0]]
    upper = {name.upper(): value for name, value in GOOD.items()}
    assert len(taken(read(jsonl_file(upper), form=Format.JSONL))) == 1
    assert "doubled 'amount', 'AMOUNT'" in refusal(csv_file(line(), header=f"{HEADER},AMOUNT"))
    assert "only one may be there of" in rejection(jsonl_file({**upper, **GOOD}), form=Format.JSONL)
    assert "doubled 'Betrag', 'Summe'" in refusal(b"Bestellung;Position;Menge;Betrag;Summe;Datum\n", SHOP_LAYOUT)
