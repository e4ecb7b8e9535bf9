"""The comparison of two books finds whatever differs: a storm that could not fail would prove nothing."""

from dataclasses import replace

import pytest

from .provider import Given
from .reckoning import Owed, paid, problems, sums

GIVEN = Given("re_1", "ch_1", 1250, "EUR", "a")
OTHER = Given("re_2", "ch_1", 1250, "EUR", "b")
OWED = Owed("succeeded", "", GIVEN)
TWIN = Owed("succeeded", "", OTHER)


def test_equal_books_have_no_problem() -> None:
    """In any order, with two equal amounts on one charge."""
    assert problems([OWED, TWIN], [OTHER, GIVEN]) == []


def test_a_second_refund_is_found() -> None:
    """Once as what it is, and once as a line that our books do not have."""
    second = replace(GIVEN, receipt="re_3")
    assert problems([OWED], [GIVEN, second]) == [
        "1 refunded more than once: a: 2 times",
        f"1 the provider's and not, or not so, ours: {second}",
    ]


@pytest.mark.parametrize("change", [{"amount_minor": 1251}, {"currency": "GBP"}, {"charge": "ch_2"}, {"receipt": "x"}])
def test_any_other_value_is_found(change: dict[str, str | int]) -> None:
    """A cent, a currency, a charge, a receipt: seen from both sides."""
    other = replace(GIVEN, **change)  # type: ignore[arg-type]  # one field each
    assert problems([OWED], [other]) == [
        f"1 ours and not, or not so, the provider's: {GIVEN}",
        f"1 the provider's and not, or not so, ours: {other}",
    ]


def test_what_is_left_is_found() -> None:
    """What is pending, under way or failed is named, the last with its reason, beside what the provider lacks."""
    left = Owed("pending", "", replace(GIVEN, receipt=""))
    under_way = replace(GIVEN, receipt="re_9", reference="z")
    assert problems([Owed("processing", "", under_way)], [under_way]) == ["1 still under way: z"]
    failed = Owed("failed", "gave up after 40 attempts", replace(OTHER, receipt=""))
    assert problems([left, failed], []) == [
        "1 still pending: a",
        "1 failed: b: gave up after 40 attempts",
        f"2 ours and not, or not so, the provider's: {left.given}; {failed.given}",
    ]


def test_of_an_unsettled_day_only_contradictions_are_found() -> None:
    """What is pending, paid at the provider or not, can still be settled; a second refund cannot be taken back."""
    left = Owed("pending", "", replace(OTHER, receipt=""))
    second = replace(GIVEN, receipt="re_3")
    assert problems([OWED, left], [GIVEN, OTHER], settled=False) == []
    assert problems([OWED, left], [GIVEN], settled=False) == []
    assert problems([OWED, left], [GIVEN, second], settled=False) == [
        "1 refunded more than once: a: 2 times",
        f"1 the provider's and not, or not so, ours: {second}",
    ]


def test_long_lists_are_cut() -> None:
    """The count is whole, five are shown."""
    rows = [Owed("pending", "", replace(GIVEN, reference=str(number))) for number in range(7)]
    assert problems(rows, [row.given for row in rows]) == ["7 still pending: 0; 1; 2; 3; 4 and 2 more"]


def test_sums_are_by_currency() -> None:
    """Only what has been paid, counted and added up."""
    pounds = Owed("succeeded", "", replace(GIVEN, currency="GBP", amount_minor=1))
    rows = paid([OWED, TWIN, pounds, Owed("failed", "no", GIVEN)])
    assert sums(rows) == {"EUR": (2, 2500), "GBP": (1, 1)}
