"""What the database refuses from every writer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from refunds import queries
from refunds.domain.returns import Decision
from refunds.models import Chunk, Refund, ReturnRequest, Sweep, WalletEntry

from ..factories import CUTOFF, NOON, SECOND, make_refund, make_requests

pytestmark = pytest.mark.django_db


def violates(constraint: str, write: Callable[[], object]) -> None:
    """The write violates the constraint. Of two that a row breaks each database names the one it meets first."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        write()


def refused(constraint: str, model: type[models.Model], **columns: Any) -> None:
    """The row cannot be written, and the constraint that says so is the expected one."""
    before = model._default_manager.count()
    violates(constraint, lambda: model._default_manager.create(**columns))
    assert model._default_manager.count() == before


def contradictory(*rows: tuple[str, dict[str, Any]]) -> pytest.MarkDecorator:
    """Run the test for each row: the constraint, and the columns that it refuses."""
    return pytest.mark.parametrize(("constraint", "columns"), rows)


@contradictory(
    ("request_amount_positive", {"amount_minor": 0}),
    ("request_amount_positive", {"amount_minor": -1}),
    ("request_quantity_positive", {"quantity": 0}),
    ("request_status_known", {"status": "lost", "decided_at": NOON}),
    ("request_received_after", {"requested_at": NOON + SECOND}),
    ("request_decided_has_instant", {"status": "declined"}),
    ("request_decided_has_instant", {"decided_at": NOON}),
    ("request_approved_has_refund", {"status": "approved", "decided_at": NOON}),
    ("request_only_declined_has_code", {"decision_code": "used"}),
)
def test_contradictory_return_request_is_refused(constraint: str, columns: dict[str, Any]) -> None:
    """A zero amount or quantity, an unknown status, a receipt before the creation and half a decision are refused."""
    values = {"order_line": "1", "quantity": 1, "amount_minor": 1, "currency": "GBP", "received_at": NOON}
    refused(constraint, ReturnRequest, **{"requested_at": NOON, **values, **columns})


def test_key_of_a_request_is_unique() -> None:
    """Two requests cannot have the same key."""
    (row,) = make_requests()
    violates("key", lambda: make_requests(key=row.key))


SWEEP = {"up_to_id": 1, "started_at": NOON, "dispatched_at": NOON}
APPROVE = {**SWEEP, "kind": Decision.APPROVE, "key": "k", "received_from": NOON, "expires_at": CUTOFF}
DECLINE = {**SWEEP, "kind": Decision.DECLINE, "scheduled_for": NOON, "received_before": NOON}


@contradictory(
    ("sweep_kind_known|sweep_button_or_cutoff", {**DECLINE, "kind": "forget"}),
    ("sweep_button_or_cutoff", {**APPROVE, "key": None}),
    ("sweep_button_or_cutoff", {**APPROVE, "expires_at": None}),
    ("sweep_button_or_cutoff", {**APPROVE, "received_from": None}),
    ("sweep_button_or_cutoff", {**APPROVE, "scheduled_for": NOON}),
    ("sweep_button_or_cutoff", {**DECLINE, "scheduled_for": None}),
    ("sweep_button_or_cutoff", {**DECLINE, "received_before": CUTOFF}),
    ("sweep_button_or_cutoff", {**DECLINE, "received_before": None}),
    ("sweep_button_or_cutoff", {**DECLINE, "expires_at": CUTOFF}),
    ("sweep_closed_with_count", {**DECLINE, "closed_at": NOON}),
)
def test_contradictory_sweep_is_refused(constraint: str, columns: dict[str, Any]) -> None:
    """A sweep has all columns of a button press or all columns of a cutoff."""
    refused(constraint, Sweep, **columns)


@pytest.mark.parametrize("columns", [APPROVE, DECLINE])
def test_key_and_cutoff_of_a_sweep_are_unique(columns: dict[str, Any]) -> None:
    """The same button key or the same cutoff cannot start a second sweep."""
    Sweep.objects.create(**columns)
    refused("key|kind|sweep_one_a_cutoff", Sweep, **columns)


def test_contradictory_chunk_is_refused() -> None:
    """A chunk has at least one id, and its first id is unique in its sweep."""
    columns = {"sweep": Sweep.objects.create(**DECLINE), "dispatched_at": NOON}
    refused("chunk_not_empty", Chunk, first_id=2, last_id=1, **columns)
    Chunk.objects.create(first_id=1, last_id=4, **columns)
    refused("chunk_once_a_sweep|sweep_id", Chunk, first_id=1, last_id=9, **columns)


MONEY = {"amount_minor": 1, "currency": "GBP"}
REFUND = {**MONEY, "created_at": NOON, "due_at": NOON, "dispatched_at": NOON}
PROCESSING = {"status": "processing", "receipt": "re_1", "accepted_at": NOON}


@contradictory(
    ("refund_amount_positive", {"amount_minor": 0}),
    ("refund_status_known|refund_outcome_complete", {"status": "lost"}),
    ("refund_outcome_complete", {"status": "succeeded", "settled_at": NOON}),
    ("refund_outcome_complete", {"status": "succeeded", "receipt": "r"}),
    ("refund_outcome_complete", {"status": "failed", "settled_at": NOON}),
    ("refund_outcome_complete", {"status": "pending", "receipt": "r"}),
    ("refund_outcome_complete", {"status": "pending", "settled_at": NOON}),
    ("refund_outcome_complete", {**PROCESSING, "receipt": ""}),
    ("refund_outcome_complete", {**PROCESSING, "settled_at": NOON}),
    ("refund_outcome_complete", {**PROCESSING, "accepted_at": None}),
)
def test_contradictory_refund_is_refused(constraint: str, columns: dict[str, Any]) -> None:
    """A paid refund has its receipt, a failed one its reason, a pending one neither.

    One that is under way has the provider's id, and the time of its acceptance.
    """
    refused(constraint, Refund, request=make_requests()[0], **{**REFUND, **columns})


def committed(write: Callable[[], object]) -> None:
    """Write, and check what the commit would."""
    write()
    connection.check_constraints()


def refused_at_commit(write: Callable[[], object]) -> None:
    """The transaction that writes this cannot end: foreign keys are checked there. The test's own goes on."""
    requests, refunds = list(ReturnRequest.objects.values()), list(Refund.objects.values())
    violates(r"(?i)foreign key", lambda: committed(write))
    assert (list(ReturnRequest.objects.values()), list(Refund.objects.values())) == (requests, refunds)


def test_approval_without_its_refund_cannot_be_committed() -> None:
    """Each approval must have its refund, whether set by the statement, by hand or in a later update."""
    row, other = make_requests(2)
    refused_at_commit(lambda: queries.decide_rows(ReturnRequest.objects.filter(pk=row.pk), Decision.APPROVE, NOON))
    approved = {"status": "approved", "decided_at": NOON}
    refused_at_commit(lambda: ReturnRequest.objects.filter(pk=row.pk).update(own_refund=row.pk, **approved))
    refund = make_refund()
    with connection.cursor() as by_hand:
        refused_at_commit(lambda: by_hand.execute("DELETE FROM refunds_refund WHERE request_id = %s", [refund.pk]))
    others = ReturnRequest.objects.filter(pk=other.pk)
    violates("request_approved_has_refund", lambda: others.update(own_refund=None, **approved))
    violates("request_approved_has_refund", lambda: others.update(own_refund=refund.pk, **approved))


@pytest.mark.parametrize("status", ["requested", "declined"])
def test_request_that_is_not_approved_has_no_refund(status: str) -> None:
    """Neither a pending nor a declined one names a refund, and an approval cannot be taken back by the status alone."""
    rows = ReturnRequest.objects.filter(pk=make_refund().pk)
    violates(r"request_(approved_has_refund|decided_has_instant)", lambda: rows.update(status=status))


def test_request_has_one_refund_and_refund_has_one_credit() -> None:
    """Neither a second refund nor a second credit can be written."""
    (row,) = make_requests()
    refund = Refund.objects.create(request=row, **REFUND)
    refused("request_id|pkey", Refund, request=row, **REFUND)
    WalletEntry.objects.create(refund=refund, **MONEY)
    refused("refund_id|pkey", WalletEntry, refund=refund, **MONEY)
    refused("wallet_amount_positive", WalletEntry, refund_id=row.pk, amount_minor=0, currency="GBP")
