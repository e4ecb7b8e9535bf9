"""Undoing a sweep: what nobody has tried to pay returns to requested, and the cutoff still counts."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from pytest_django import Settings

from refunds.brakes import undoing
from refunds.brakes.checks import LONGEST_HOLD
from refunds.brakes.models import Undo, UndoneChunk
from refunds.domain.returns import Decision
from refunds.domain.sweeps import IdRange
from refunds.errors import BadInput, UnknownRow
from refunds.gateways.wallet import Wallet
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest, WalletEntry
from refunds.operations import bulk_payments, payments
from refunds.operations.decisions import decide_chosen
from refunds.operations.reconcile import reconcile

from ..factories import BLINK, CUTOFF, HOUR, MINUTE, PRESSED, make_refund, make_requests
from ..operations.conftest import Commit, Published, commit, published
from ..operations.payers import Scripted
from .approved import approved, by_status, decide, decline, press, small_chunks, undo

__all__ = ["commit", "published", "small_chunks"]  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


def test_undone_requests_are_as_before_the_approval() -> None:
    """Each column of each request, and no refund is left."""
    rows = make_requests(5)
    before = list(ReturnRequest.objects.order_by("pk").values())
    sweep = approved(0)
    assert by_status() == {"approved": 5}
    assert undo(sweep) == 5
    assert list(ReturnRequest.objects.order_by("pk").values()) == before
    assert [row.pk for row in rows] == [row["id"] for row in before]
    assert Refund.objects.count() == 0


def test_undo_leaves_every_payment_that_was_attempted() -> None:
    """A refund that was attempted, tried again, paid, or failed stays, and so does its request."""
    attempted, tried, paid, failed, waiting = make_requests(5)
    sweep = approved(0)
    Refund.objects.filter(pk=attempted.pk).update(attempts=1)
    Refund.objects.filter(pk=tried.pk).update(tried_again=1)
    Refund.objects.filter(pk=failed.pk).update(status="failed", settled_at=PRESSED, failure="no")
    bulk_payments.pay_refunds(IdRange(paid.pk, paid.pk), PRESSED, gateway=Wallet())
    assert undo(sweep) == 1
    pending = ReturnRequest.objects.filter(status="requested")
    assert list(pending) == [waiting]
    assert set(Refund.objects.values_list("pk", flat=True)) == {attempted.pk, tried.pk, paid.pk, failed.pk}
    assert run_audit().problems == []


def test_undo_leaves_what_others_approved_among_the_ids() -> None:
    """A request that a user approved by hand is no part of the sweep."""
    first, by_hand, last = make_requests(3)
    decide_chosen([by_hand.pk], Decision.APPROVE, by=None, note="", now=PRESSED)
    assert undo(approved(0)) == 2
    assert set(ReturnRequest.objects.filter(status="requested")) == {first, last}


def test_no_payment_begins_between_the_press_and_the_undo_of_its_chunk() -> None:
    """Neither in bulk nor one by one, nor does the reconciler send it; others are paid."""
    sweep, other = approved(), make_refund()
    ids = list(Refund.objects.order_by("pk").values_list("pk", flat=True))
    press(sweep)
    assert bulk_payments.pay_refunds(IdRange(ids[0], ids[-1]), PRESSED, gateway=Wallet()) == 1
    assert list(WalletEntry.objects.values_list("pk", flat=True)) == [other.pk]
    assert payments.pay_refund(ids[0], PRESSED, gateway=Scripted("r"), jitter=0) == payments.NotNow()
    assert reconcile(PRESSED + MINUTE, gateway=Wallet())["refunds"] == 0
    assert sum(undoing.undo_chunk(pk, PRESSED) for pk in UndoneChunk.objects.values_list("pk", flat=True)) == 5


def test_message_of_a_refund_that_was_taken_back_does_nothing() -> None:
    """It was sent before the undo, and is no failure; a message of a refund that never was is one."""
    sweep = approved(1)
    (pk,) = Refund.objects.values_list("pk", flat=True)
    undo(sweep)
    assert payments.pay_refund(pk, PRESSED, gateway=Scripted(), jitter=0) == payments.NotNow()
    with pytest.raises(UnknownRow, match=f"there is no refund {pk + 1}"):
        payments.pay_refund(pk + 1, PRESSED, gateway=Scripted(), jitter=0)


def test_sweep_under_way_is_cancelled_by_its_undo() -> None:
    """What it approved is taken back, and what it had left stays pending."""
    sweep = approved(5, done=1)
    assert undo(sweep) == 2
    sweep.refresh_from_db()
    assert (sweep.left, decide(sweep, PRESSED), by_status()) == (3, 0, {"requested": 5})


def test_history_says_who_undid_what_and_why() -> None:
    """One entry at the press, and one with the sums once everything is taken back."""
    sweep = approved()
    undo(sweep)
    said = LogEntry.objects.order_by("pk").values_list("user__username", "object_id", "change_message")
    assert list(said) == [
        ("boss", str(sweep.pk), "Undo: wrong file"),
        ("boss", str(sweep.pk), "Undone: 5 of 62.50 GBP returned to requested"),
    ]


def test_undo_is_refused_where_it_would_take_nothing_back() -> None:
    """A second undo, a sweep that is paid, a decline, an unknown one; and nothing is written."""
    undone = approved()
    undo(undone)
    paid = approved(2, PRESSED + BLINK)
    Refund.objects.update(attempts=1)
    entries = LogEntry.objects.count()
    for sweep in (undone, paid, decline(CUTOFF)):
        with pytest.raises(BadInput, match="nothing can be taken back"):
            press(sweep)
    with pytest.raises(UnknownRow, match="there is no sweep 0"):
        undoing.undo(0, by=Undo.objects.get().pressed_by, reason="r", now=PRESSED)
    assert (Undo.objects.count(), LogEntry.objects.count()) == (1, entries)


def test_undo_is_offered_while_a_payment_can_be_kept_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    """A page does not look at each of many refunds: it offers the undo, whose press can then be refused."""
    settings.REFUNDS_HOLD = LONGEST_HOLD
    sweep = approved(3)
    with django_assert_num_queries(5):
        assert undoing.offers_undo(sweep)
    Refund.objects.update(attempts=1)
    assert not undoing.offers_undo(sweep)
    monkeypatch.setattr(undoing, "LOOKED", 2)
    assert undoing.offers_undo(sweep)
    with pytest.raises(BadInput, match="each of its payments has begun"):
        press(sweep)
    Refund.objects.update(due_at=PRESSED + HOUR)
    assert not undoing.offers_undo(sweep)


def test_chunk_is_undone_once() -> None:
    """A doubled message takes nothing more back, and an unknown one says so."""
    sweep = approved(2)
    assert (undo(sweep), undoing.undo_chunk(UndoneChunk.objects.get().pk, PRESSED)) == (2, 0)
    with pytest.raises(UnknownRow, match="there is no undone chunk 0"):
        undoing.undo_chunk(0, PRESSED)


def test_lost_message_is_sent_again(published: Published, commit: Commit) -> None:
    """By the reconciler, once it has waited for a minute; not again before another minute."""
    sweep = approved(2)
    with commit():
        press(sweep)
    (chunk,) = UndoneChunk.objects.values_list("pk", flat=True)
    message = (undoing.UNDO_CHUNK, [{"chunk_id": chunk}])
    assert published.count(message) == 1
    for now, count in ((PRESSED + MINUTE - BLINK, 1), (PRESSED + MINUTE, 2), (PRESSED + MINUTE + BLINK, 2)):
        with commit():
            reconcile(now, gateway=Wallet())
        assert published.count(message) == count


def test_request_that_is_undone_before_its_cutoff_is_declined_at_it() -> None:
    """By the sweep of the cutoff, like any other that is pending."""
    undo(approved())
    sweep = decline(CUTOFF)
    assert by_status() == {"declined": 5}
    assert ReturnRequest.objects.filter(sweep=sweep).count() == 5


def test_request_that_is_undone_after_its_cutoff_is_declined_at_once() -> None:
    """In the name of the user who undid it, with a note; a request of the new day is left."""
    sweep = approved()
    decline(CUTOFF)
    make_requests(received_at=CUTOFF)
    assert undo(sweep, CUTOFF + BLINK) == 5
    assert by_status() == {"declined": 5, "requested": 1}
    declined = ReturnRequest.objects.filter(status="declined")
    said: list[Any] = list(
        declined.values_list("decided_by__username", "decision_note", "decided_at", "sweep").distinct()
    )
    assert said == [("boss", undoing.LATE, CUTOFF + BLINK, None)]


def test_undo_whose_worker_died_after_its_last_chunk_is_ended_by_the_reconciler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The history gets the sums, and the rows are declined, because their cutoff has passed."""
    sweep = approved()
    decline(CUTOFF)
    monkeypatch.setattr(undoing, "finish", lambda now: None)
    assert undo(sweep, CUTOFF + BLINK) == 5
    assert by_status() == {"requested": 5}
    monkeypatch.undo()
    reconcile(CUTOFF + MINUTE, gateway=Wallet())
    assert by_status() == {"declined": 5}
    assert LogEntry.objects.latest("pk").change_message == "Undone: 5 of 62.50 GBP returned to requested"


def test_undo_that_the_decline_at_the_cutoff_has_missed_is_declined_by_the_reconciler() -> None:
    """Pressed before the cutoff, done while the decline was already planned over other rows."""
    sweep = approved()
    press(sweep, CUTOFF - BLINK)
    missed = decline(CUTOFF)
    for chunk in UndoneChunk.objects.all():
        undoing.undo_chunk(chunk.pk, CUTOFF - BLINK)
    assert (by_status(), missed.chunks.count()) == ({"requested": 5}, 0)
    reconcile(CUTOFF + BLINK, gateway=Wallet())
    assert by_status() == {"declined": 5}
    assert reconcile(CUTOFF + HOUR, gateway=Wallet())["undone and declined"] == 0
