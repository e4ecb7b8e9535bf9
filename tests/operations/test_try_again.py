"""A second round for refunds that have failed."""

from typing import Any

import pytest
from django.db import transaction

from refunds import outbox
from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import RetryPolicy
from refunds.gateways import Refused, TryAgain
from refunds.models import Refund
from refunds.operations.bulk_payments import try_again
from refunds.operations.payments import pay_refund

from ..factories import NOON, PRESSED, make_failed, make_refund, refund_rows
from .conftest import Commit, Published
from .payers import Scripted

pytestmark = pytest.mark.django_db


def span_of(ids: list[int]) -> dict[str, int]:
    return {"first_id": ids[0], "last_id": ids[-1]}


def test_failed_refunds_become_pending_again(published: Published, commit: Commit) -> None:
    """They are due at once, with no attempt counted and the reason kept; the commit sends their range."""
    ids = make_failed(3, tried_again=1, key_number=2)
    before = refund_rows()
    with commit():
        assert try_again(ids, PRESSED) == ids
        assert published == []
    reset = {"status": "pending", "attempts": 0, "first_attempt_at": None, "tried_again": 2, "settled_at": None}
    reset |= {"due_at": PRESSED, "dispatched_at": PRESSED}
    assert refund_rows() == {pk: before[pk] | reset for pk in ids}
    assert published == [(outbox.PAY_REFUNDS, [span_of(ids)])]


def test_other_refunds_are_unchanged(published: Published, commit: Commit) -> None:
    """Pending and succeeded refunds, unknown ids, and failed refunds whose ids were not named do not change.

    Where none of those named has failed, no message is sent.
    """
    pending = make_refund(attempts=3, failure="timeout").pk
    paid = make_refund(status="succeeded", settled_at=NOON, receipt="re_1", attempts=1).pk
    failed, other = make_failed(2)
    before = refund_rows(pending, paid, other)
    with commit():
        assert try_again([], PRESSED) == try_again([pending, other + 1, 2**63 - 1], PRESSED) == []
        assert try_again([pending, paid, failed, other + 1, 2**63 - 1], PRESSED) == [failed]
    assert refund_rows(pending, paid, other) == before
    assert published == [(outbox.PAY_REFUNDS, [span_of([failed])])]


def test_second_press_begins_no_second_round(published: Published, commit: Commit) -> None:
    """A second press, within the first one's transaction or after it, finds no failed refund."""
    ids = make_failed(2)
    others: list[list[int]] = []
    with commit():
        assert try_again(ids, PRESSED, note=lambda _: others.append(try_again(ids, PRESSED))) == ids
        others.append(try_again(ids, PRESSED))
    assert others == [[], []]
    assert {row["tried_again"] for row in refund_rows().values()} == {1}
    assert published == [(outbox.PAY_REFUNDS, [span_of(ids)])]


def test_rolled_back_round_sends_no_message(published: Published, commit: Commit) -> None:
    """A transaction that fails leaves the refunds failed and sends no message."""
    ids = make_failed()
    before = refund_rows()
    with commit(), transaction.atomic():
        assert try_again(ids, PRESSED) == ids
        transaction.set_rollback(True)
    assert (refund_rows(), published) == (before, [])


def test_each_chunk_is_committed_with_its_note(
    published: Published, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven ids by three are three transactions with a message each; a failing note rolls back only its chunk."""
    monkeypatch.setattr("refunds.domain.sweeps.CHUNK_ROWS", 3)
    ids = make_failed(7)
    noted: list[list[int]] = []

    def note(chunk: Any) -> None:
        noted.append(list(chunk))
        if ids[-1] in chunk:
            raise ZeroDivisionError

    with commit(), pytest.raises(ZeroDivisionError):
        try_again(ids, PRESSED, note=note)
    chunks = [ids[:3], ids[3:6], ids[6:]]
    assert noted == chunks
    assert [row["status"] for row in refund_rows().values()] == ["pending"] * 6 + ["failed"]
    assert published == [(outbox.PAY_REFUNDS, [span_of(chunk)]) for chunk in chunks[:2]]


@pytest.mark.parametrize(
    ("answer", "attempts", "suffix"),
    [(Refused("card closed"), 0, ":1"), (TryAgain("timeout"), 11, ""), (None, 12, "")],
)
def test_only_a_refusal_changes_the_key(
    answer: Exception | None, attempts: int, suffix: str, published: Published, commit: Commit
) -> None:
    """A refusal is final for its key; without an answer the next round asks with the same key."""
    refund = make_refund(attempts=attempts)
    gateway = Scripted(*([answer] if answer else []), "re_1")
    pay_refund(refund.pk, NOON, gateway=gateway, jitter=0)
    assert Refund.objects.get().status == RefundStatus.FAILED
    assert try_again([refund.pk], PRESSED) == [refund.pk]
    pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0)
    assert Refund.objects.get().receipt == "re_1"
    order, key = gateway.asked[-1]
    assert (key, order.reference, order.asked_before) == (f"{refund.request.key}{suffix}", refund.request.key, True)


def test_second_refusal_makes_a_third_key(published: Published) -> None:
    """Each refusal makes the next key, and a round without an answer does not."""
    refund = make_refund()
    gateway = Scripted(Refused("no"), TryAgain("timeout"), Refused("no"), "re_1")
    for _ in range(4):
        pay_refund(refund.pk, NOON, gateway=gateway, jitter=0, policy=RetryPolicy(max_attempts=1))
        try_again([refund.pk], NOON)
    key = refund.request.key
    assert [asked for _, asked in gateway.asked] == [key, f"{key}:1", f"{key}:1", f"{key}:2"]
