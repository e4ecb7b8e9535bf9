"""The header Retry-After, as servers write it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds.stripe.retry_after import LONGEST, retry_after

SECOND = timedelta(seconds=1)
NOON = "Wed, 15 Jul 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7 * SECOND),
        ({"retry-after": " 0.5 "}, SECOND / 2),
        ({"RETRY-AFTER": "0"}, timedelta(0)),
        ({"Retry-After": "-5"}, timedelta(0)),
        ({"Retry-After": "1e300"}, LONGEST),
        ({"Retry-After": "inf"}, LONGEST),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "Wed, 15 Jul 2026 09:02:00 GMT", "Date": NOON}, 120 * SECOND),
        ({"Retry-After": NOON, "Date": "Wed, 15 Jul 2026 09:02:00 GMT"}, timedelta(0)),
        ({"Retry-After": "Wed, 15 Jul 2026 09:02:00 GMT"}, None),
        ({"Retry-After": "Wed, 15 Jul 2026 09:02:00 -0000", "Date": NOON}, None),
        ({"Retry-After": "soon", "Date": NOON}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_what_a_server_asks_for(headers: dict[str, str], expected: timedelta | None) -> None:
    """Seconds, or a date against the answer's own date; what cannot be read asks for nothing."""
    assert retry_after(headers) == expected


@given(st.text(), st.text())
def test_no_header_breaks_it(value: str, date: str) -> None:
    """Whatever the two say, the answer is a wait that a timedelta holds, or none."""
    found = retry_after({"Retry-After": value, "Date": date})
    assert found is None or timedelta(0) <= found <= LONGEST
