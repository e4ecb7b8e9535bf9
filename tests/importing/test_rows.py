"""Rows of the project's own layout: what is taken and what is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from refunds.importing.errors import BadRow
from refunds.importing.fields import LARGEST_QUANTITY, LONGEST_REASON
from refunds.importing.files import LAYOUTS, ONLINE_RETAIL, OWN, Format, Return
from refunds.importing.rows import parse

from .files import GOOD, GOOD_ONLINE, HEADER, NOW, csv_file, jsonl_file, line, messages, read, taken


def test_good_row_is_parsed_into_minor_units_and_utc() -> None:
    """Pounds become pence, and noon with its offset becomes 9:00 UTC."""
    (row,) = taken(read(csv_file(line())))
    assert row.line == 2
    assert row.content == Return(
        order_line="1001/1",
        quantity=2,
        amount_minor=1250,
        currency="GBP",
        reason="too small",
        customer="c-1",
        customer_email="ann@example.com",
        requested_at=datetime(2026, 7, 15, 9, 0, tzinfo=UTC),
        payment="",
    )


def test_payment_is_read() -> None:
    """The column is optional, in CSV and in JSON. White space around the value is removed."""
    for file, form in ((csv_file(f"{line()}, pi_3abc ", header=f"{HEADER},payment"), Format.CSV),
                       (jsonl_file({**GOOD, "payment": "pi_3abc"}), Format.JSONL)):  # fmt: skip
        (row,) = taken(read(file, form=form))
        assert row.content.payment == "pi_3abc"


def test_return_id_is_read() -> None:
    """The column is optional, in CSV and in JSON."""
    for file, form in ((csv_file(f"{line()}, R-1 ", header=f"{HEADER},return_id"), Format.CSV),
                       (jsonl_file({**GOOD, "return_id": "R-1"}), Format.JSONL)):  # fmt: skip
        (row,) = taken(read(file, form=form))
        assert row.content.return_id == "R-1"


BAD = [
    ("order_line", "", "order_line is missing"),
    ("order_line", "x" * 65, "order_line is longer than 64 characters (65)"),
    (
        "order_line",
        "a\nb",
        r"order_line 'a\nb' holds the invisible character U+000A (a control character) at position 2",
    ),
    ("quantity", "", "quantity is missing"),
    ("quantity", "0", "quantity 0 is not positive"),
    ("quantity", "-1", "quantity -1 is not positive"),
    ("quantity", "1.5", "quantity '1.5' is not a whole number"),
    ("quantity", "1_0", "quantity '1_0' is not a whole number"),
    ("quantity", "\u0665", r"quantity '\u0665' is not a whole number"),
    ("quantity", str(LARGEST_QUANTITY + 1), "quantity '2147483648' is out of range; the largest is 2,147,483,647"),
    ("quantity", "9" * 5000, f"quantity '{'9' * 40}...' is out of range; the largest is 2,147,483,647"),
    ("amount", "", "amount is missing"),
    ("amount", "NaN", "amount 'NaN' is not a number"),
    ("amount", "Infinity", "amount 'Infinity' is not a number"),
    ("amount", "-Infinity", "amount '-Infinity' is not a number"),
    ("amount", "12,50", "amount '12,50' is not a number"),
    ("amount", "\u0661", r"amount '\u0661' is not a number"),
    ("amount", "0", "amount 0 is not positive"),
    ("amount", "-12.50", "amount -12.50 is not positive"),
    ("amount", "0.005", "amount 0.005 has 3 decimals, and GBP has 2 decimals; the dot may be a thousands separator"),
    ("amount", "10.000", "amount 10.000 has 3 decimals, and GBP has 2 decimals; the dot may be a thousands separator"),
    ("amount", "1.560", "amount 1.560 has 3 decimals, and GBP has 2 decimals; the dot may be a thousands separator"),
    ("amount", "1." + "0" * 40 + "1", "amount 1.00000000000 has 41 decimals, and GBP has 2 decimals"),
    ("amount", "1" * 40, "amount 1.11111111111e+39 is out of range"),
    ("amount", "1e3", "amount '1e3' is written with an exponent; write all its digits"),
    ("amount", "1.5e1", "amount '1.5e1' is written with an exponent"),
    ("amount", "1E400", "amount '1E400' is written with an exponent"),
    ("amount", "1e99999999999999999999", "amount '1e99999999999999999999' is written with an exponent"),
    ("amount", "+5", "amount '+5' is not written as digits with at most one dot"),
    ("amount", ".5", "amount '.5' is not written as digits with at most one dot"),
    ("amount", "5.", "amount '5.' is not written as digits with at most one dot"),
    ("amount", "007.50", "amount '007.50' is not written as digits with at most one dot"),
    ("amount", "1_000", "amount '1_000' is not a number"),
    ("amount", "1.234.56", "amount '1.234.56' is not a number"),
    ("amount", "1 000", "amount '1 000' is not a number"),
    ("quantity", "1e3", "quantity '1e3' is not a whole number"),
    ("quantity", "1.0", "quantity '1.0' is not a whole number"),
    ("quantity", "+5", "quantity '+5' is not a whole number"),
    (
        "currency",
        "SEK",
        "currency 'SEK' is not one of CHF, CZK, EUR, GBP, JPY, KWD, PLN, UAH, USD; to accept it, add it",
    ),
    ("currency", "gbp", "currency 'gbp' is not one of CHF"),
    ("amount", "1" * 65, f"amount '{'1' * 40}...' has more digits than an amount can have"),
    ("amount", "92233720368547758.08", "amount 9.22337203685e+16 is out of range"),
    ("currency", "", "currency is missing"),
    ("currency", "XXX", "currency 'XXX' is not one of CHF, CZK, EUR, GBP, JPY, KWD, PLN, UAH, USD"),
    ("reason", "x" * (LONGEST_REASON + 1), "reason is longer than 10,000 characters (10,001)"),
    ("customer", "x" * 65, "customer is longer than 64 characters (65)"),
    ("customer_email", "nobody", "customer_email 'nobody' is not an e-mail address"),
    (
        "customer_email",
        "a@b.example\nBcc: c@d.example",
        r"customer_email 'a@b.example\nBcc: c@d.example' holds the invisible character U+000A (a control",
    ),
    ("customer_email", "x" * 250 + "@b.co", "customer_email is longer than 254 characters (255)"),
    ("requested_at", "", "requested_at is missing"),
    ("requested_at", "yesterday", "requested_at 'yesterday' is not a date and time such as 2026-07-15T09:30:00+03:00"),
    (
        "requested_at",
        "2026-07-15",
        "requested_at '2026-07-15' is not a date and time such as 2026-07-15T09:30:00+03:00",
    ),
    (
        "requested_at",
        "2026-07-15T09:00:00",
        "requested_at '2026-07-15T09:00:00' has no UTC offset; write it such as 2026-07-15T09:00:00+03:00",
    ),
    ("requested_at", "2026-02-30T09:00:00Z", "requested_at '2026-02-30T09:00:00Z' does not exist: "),
    ("requested_at", "0000-01-01T09:00:00Z", "requested_at '0000-01-01T09:00:00Z' does not exist: "),
    ("requested_at", "2026-01-01T09:00:00+99:00", "requested_at '2026-01-01T09:00:00+99:00' does not exist: "),
    (
        "requested_at",
        "0001-01-01T00:00:00+14:00",
        "requested_at '0001-01-01T00:00:00+14:00' is not in the years 1900 to 9998",
    ),
    (
        "requested_at",
        "2026-07-15T12:00:00.000001Z",
        "requested in the future: '2026-07-15T12:00:00.000001+00:00' is later than the import",
    ),
    (
        "requested_at",
        "9998-12-31T23:59:59-14:00",
        "requested in the future: '9999-01-01T13:59:59+00:00' is later than the import",
    ),
    (
        "requested_at",
        "9999-12-31T23:59:59-14:00",
        "requested_at '9999-12-31T23:59:59-14:00' is not in the years 1900 to 9998",
    ),
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD, ids=[f"{c}-{v[:24]}" for c, v, _ in BAD])
def test_bad_value_rejects_its_row_with_line_and_reason(column: str, value: str, reason: str) -> None:
    """The message names the column and the error; the rows around it are imported."""
    found = read(csv_file(line(), line(**{column: value}), line(order_line="after")))
    (message,) = messages(found)
    assert message.startswith(f"line 3: {reason}")
    assert [row.content.order_line for row in taken(found)] == ["1001/1", "after"]


@pytest.mark.parametrize(("column", "value", "reason"), BAD, ids=[f"{c}-{v[:24]}" for c, v, _ in BAD])
def test_json_text_has_the_same_rules(column: str, value: str, reason: str) -> None:
    """The same bad value in JSON is rejected for the same reason."""
    found = read(jsonl_file(GOOD, {**GOOD, column: value}), form=Format.JSONL)
    (message,) = messages(found)
    assert message.startswith(f"line 2: {reason}")
    assert len(taken(found)) == 1


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
        reasons = [str(error)]
    else:
        assert_storable(row)
        reasons = []
    assert all(reason.isprintable() for reason in reasons)


def assert_storable(row: Return) -> None:
    assert 1 <= row.quantity <= LARGEST_QUANTITY
    assert 1 <= row.amount_minor < 2**63
    assert row.requested_at <= NOW
    assert max(len(row.order_line), len(row.customer)) <= 64
    assert b"\x00" not in f"{row.order_line}{row.reason}{row.customer}{row.customer_email}".encode()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("quantity", "2147483647"),
        ("amount", "92233720368547758.07"),
        ("amount", "12.5"),
        ("amount", "12"),
        ("quantity", "007"),
        ("reason", ""),
        ("reason", 'two\r\nlines, and "quotes"'),
        ("reason", "\U0001f600" * LONGEST_REASON),
        ("reason", '"' * LONGEST_REASON),
        ("customer", ""),
        ("customer_email", ""),
        ("requested_at", "2026-07-15 12:00Z"),
        ("requested_at", NOW.isoformat()),
        ("requested_at", "1900-01-01T00:00:00+00:00"),
    ],
)
def test_values_at_the_limit_are_accepted(column: str, value: str) -> None:
    """They are the largest, longest, latest and emptiest valid values."""
    data = csv_file(line(**{column: value}))
    assert messages(read(data)) == []
    assert len(taken(read(data))) == 1


def test_optional_columns_can_be_absent() -> None:
    """A file of only the required columns, in any order, is imported."""
    (row,) = read(b"requested_at, currency,amount,quantity,order_line\r\n2026-07-15T09:00:00Z,UAH, 3.5 ,1,x\r\n")
    assert taken([row])[0].content == Return("x", 1, 350, "UAH", "", "", "", datetime(2026, 7, 15, 9, 0, tzinfo=UTC))


def test_currency_of_the_setting_is_accepted(settings: Settings) -> None:
    """Each has its own decimals: kronur none, dinars three."""
    settings.REFUNDS_CURRENCIES = ("ISK", "TND")
    rows = taken(read(csv_file(line(amount="500", currency="ISK"), line(amount="1.234", currency="TND"))))
    assert [(row.content.amount_minor, row.content.currency) for row in rows] == [(500, "ISK"), (1234, "TND")]
    (message,) = messages(read(csv_file(line())))
    assert message == "line 2: currency 'GBP' is not one of ISK, TND; to accept it, add it to REFUNDS_CURRENCIES"


def test_currency_of_a_layout_must_be_accepted(settings: Settings) -> None:
    """A layout's constant is checked as a row's value is."""
    settings.REFUNDS_CURRENCIES = ("EUR",)
    file = f"{','.join(GOOD_ONLINE)}\n{','.join(GOOD_ONLINE.values())}\n".encode()
    (message,) = messages(read(file, ONLINE_RETAIL))
    assert message == "line 2: currency 'GBP' is not one of EUR; to accept it, add it to REFUNDS_CURRENCIES"
