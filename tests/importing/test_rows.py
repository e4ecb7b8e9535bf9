"""Rows of the project's own layout: what is taken and what is refused."""

from datetime import UTC, datetime

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from refunds.importing.amounts import LARGEST_MINOR
from refunds.importing.dates import FIRST_YEAR, LAST_YEAR
from refunds.importing.errors import BadRow, shown
from refunds.importing.fields import LARGEST_QUANTITY, LONGEST_REASON
from refunds.importing.files import LAYOUTS, OWN, Format, Return
from refunds.importing.rows import parse

from .files import GOOD, GOOD_ONLINE, HEADER, NOW, content, csv_file, jsonl_file, line, messages, read, rejection, taken


def test_good_row_is_parsed_into_minor_units_and_utc() -> None:
    """Pounds become pence, and noon with its offset becomes 9:00 UTC."""
    at = datetime(2026, 7, 15, 9, 0, tzinfo=UTC)
    assert content(csv_file(line())) == Return("1001/1", 2, 1250, "GBP", "too small", "c-1", "ann@example.com", at)
    assert [row.line for row in taken(read(csv_file(line())))] == [2]


@pytest.mark.parametrize("column", ["payment", "return_id"])
def test_optional_id_is_read(column: str) -> None:
    """It is read from CSV and JSON. White space around the value is removed."""
    assert getattr(content(csv_file(f"{line()}, pi_3abc ", header=f"{HEADER},{column}")), column) == "pi_3abc"
    assert getattr(content(jsonl_file({**GOOD, column: "pi_3abc"}), form=Format.JSONL), column) == "pi_3abc"


def bad(column: str, reason: str, *values: str) -> list[tuple[str, str, str]]:
    """Values that are refused for a reason. In it, {} is the value as messages quote it, and {raw} is the value."""
    return [(column, value, reason.format(shown(value), raw=value)) for value in values]


THREE_DECIMALS = "amount {raw} has 3 decimals, and GBP has 2 decimals; the dot may be a thousands separator"
UNDECLARED = "amount {} is not a number with a dot before its decimals; if a comma is there, import it with --decimal ,"
CURRENCIES = ", ".join(sorted(django_settings.REFUNDS_CURRENCIES))
YEARS = f"in the years {FIRST_YEAR} to {LAST_YEAR}"
NO_INSTANT = "requested_at {} is not a date and time such as 2026-07-15T09:30:00+03:00"
NO_OFFSET = "requested_at {} has no UTC offset; write it such as {raw}+03:00"
FUTURE = "requested in the future: '{}' is later than the import"
BAD = [
    *((column, "", f"{column} is missing") for column in OWN.required),
    *bad("order_line", "order_line is longer than 64 characters (65)", "x" * 65),
    *bad("order_line", "order_line {} holds the invisible character U+000A (a control character) at", "a\nb"),
    *bad("quantity", "quantity {raw} is not positive", "0", "-1"),
    *bad("quantity", "quantity {} is not a whole number", "1.5", "1_0", "\u0665", "1e3", "1.0", "+5"),
    *bad("quantity", "quantity {} is out of range; the largest is 2,147,483,647", str(LARGEST_QUANTITY + 1)),
    *bad("quantity", f"quantity '{'9' * 40}...' is out of range; the largest is 2,147,483,647", "9" * 5000),
    *bad("amount", "amount {} is not a number", "NaN", "Infinity", "-Infinity", "\u0661"),
    *bad("amount", UNDECLARED, "12,50", "1,23", "1,234", "1,234.50"),
    *bad("amount", "amount {} is not a number", "1_000", "1.234.56", "1 000"),
    *bad("amount", "amount {raw} is not positive", "0", "-12.50"),
    *bad("amount", THREE_DECIMALS, "0.005", "10.000", "1.560"),
    *bad("amount", "amount 1.00000000000 has 41 decimals, and GBP has 2 decimals", "1." + "0" * 40 + "1"),
    *bad("amount", "amount 1.11111111111e+39 is out of range", "1" * 40),
    *bad("amount", "amount 9.22337203685e+16 is out of range", "92233720368547758.08"),
    *bad("amount", "amount {} is written with an exponent; write all its digits", "1e3", "1.5e1", "1E400", "1e99999"),
    *bad("amount", "amount {} is not written as digits with at most one dot", "+5", ".5", "5.", "007.50"),
    *bad("amount", "amount {} has more digits than an amount can have", "1" * 65),
    *bad("currency", f"currency {{}} is not one of {CURRENCIES}; to accept it, add it", "SEK"),
    *bad("currency", f"currency {{}} is not one of {CURRENCIES}", "gbp", "XXX"),
    *bad("reason", "reason is longer than 10,000 characters (10,001)", "x" * (LONGEST_REASON + 1)),
    *bad("customer", "customer is longer than 64 characters (65)", "x" * 65),
    *bad("customer_email", "customer_email {} is not an e-mail address", "nobody"),
    *bad("customer_email", "customer_email {} holds the invisible character U+000A (a control", "a@b.co\nBcc: c@d.co"),
    *bad("customer_email", "customer_email is longer than 254 characters (255)", "x" * 250 + "@b.co"),
    *bad("requested_at", NO_INSTANT, "yesterday", "2026-07-15"),
    *bad("requested_at", NO_OFFSET, "2026-07-15T09:00:00"),
    *bad("requested_at", "requested_at {} does not exist: ", "2026-02-30T09:00:00Z", "0000-01-01T09:00:00Z"),
    *bad("requested_at", "requested_at {} does not exist: ", "2026-01-01T09:00:00+99:00"),
    *bad("requested_at", f"requested_at {{}} is not {YEARS}", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *bad("requested_at", FUTURE.format("2026-07-15T12:00:00.000001+00:00"), "2026-07-15T12:00:00.000001Z"),
    *bad("requested_at", FUTURE.format("9999-01-01T13:59:59+00:00"), "9998-12-31T23:59:59-14:00"),
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD, ids=[f"{c}-{v[:24]}" for c, v, _ in BAD])
def test_bad_value_rejects_its_row_with_line_and_reason(column: str, value: str, reason: str) -> None:
    """The message names the column and the error, in CSV as in JSON; the rows around it are imported."""
    for data, form, number in (
        (csv_file(line(), line(**{column: value}), line(order_line="after")), Format.CSV, 3),
        (jsonl_file(GOOD, {**GOOD, column: value}, {**GOOD, "order_line": "after"}), Format.JSONL, 2),
    ):
        found = read(data, form=form)
        (message,) = messages(found)
        assert message.startswith(f"line {number}: {reason}")
        assert [row.content.order_line for row in taken(found)] == ["1001/1", "after"]


NASTY = st.one_of(
    st.text(st.characters()),
    st.from_regex(r"\A[+-]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,12})?\Z"),
    st.from_regex(r"\A[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](Z|[+-][0-9]{2}:[0-9]{2})?\Z"),
)


@given(st.sampled_from(sorted(LAYOUTS)), st.data())
def test_any_cells_are_a_return_or_a_reason(name: str, data: st.DataObject) -> None:
    """A row of any texts is rejected with a reason, or becomes a return that the columns can hold."""
    layout = LAYOUTS[name]
    good = GOOD if layout is OWN else GOOD_ONLINE
    changed = data.draw(st.dictionaries(st.sampled_from(layout.columns), NASTY, max_size=3))
    try:
        row = parse(layout.bind([*good]), {**good, **changed}, NOW)
    except BadRow as error:
        assert str(error).isprintable()  # noqa: PT017  # either end is right
        return
    assert 1 <= row.quantity <= LARGEST_QUANTITY
    assert 1 <= row.amount_minor <= LARGEST_MINOR
    assert row.requested_at <= NOW
    assert max(len(row.order_line), len(row.customer)) <= 64
    assert "\x00" not in f"{row.order_line}{row.reason}{row.customer}{row.customer_email}"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("quantity", (str(LARGEST_QUANTITY), "007")),
        ("amount", ("92233720368547758.07", "12.5", "12")),
        ("reason", ("", 'two\r\nlines, and "quotes"', "\U0001f600" * LONGEST_REASON, '"' * LONGEST_REASON)),
        ("customer", ("",)),
        ("customer_email", ("",)),
        ("requested_at", ("2026-07-15 12:00Z", NOW.isoformat(), f"{FIRST_YEAR}-01-01T00:00:00+00:00")),
    ],
)
def test_values_at_the_limit_are_accepted(column: str, values: tuple[str, ...]) -> None:
    """They are the largest, longest, latest and emptiest valid values."""
    found = read(csv_file(*(line(**{column: value}) for value in values)))
    assert (messages(found), len(taken(found))) == ([], len(values))


def test_optional_columns_can_be_absent() -> None:
    """A file of only the required columns, in any order, is imported."""
    data = b"requested_at, currency,amount,quantity,order_line\r\n2026-07-15T09:00:00Z,UAH, 3.5 ,1,x\r\n"
    assert content(data) == Return("x", 1, 350, "UAH", "", "", "", datetime(2026, 7, 15, 9, 0, tzinfo=UTC))


def test_currency_of_the_setting_is_accepted(settings: Settings) -> None:
    """Each has its own decimals: kronur none, dinars three."""
    settings.REFUNDS_CURRENCIES = ("ISK", "TND")
    rows = taken(read(csv_file(line(amount="500", currency="ISK"), line(amount="1.234", currency="TND"))))
    assert [(row.content.amount_minor, row.content.currency) for row in rows] == [(500, "ISK"), (1234, "TND")]
    message = "line 2: currency 'GBP' is not one of ISK, TND; to accept it, add it to REFUNDS_CURRENCIES"
    assert rejection(csv_file(line())) == message
