"""Paying one refund: the attempt is committed before the provider is called, its outcome after."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, QuerySet

from .. import queries, signals
from ..domain.refunds import TRANSITIONS, Outcome, RefundStatus, next_status
from ..domain.retries import GiveUp, Retry, RetryPolicy
from ..domain.sweeps import IdRange
from ..errors import UnknownRow
from ..gateways import Answer, Gateway, Order, Refused, Settled, TryAgain, UnderWay, check_tracked
from ..models import Refund, ReturnRequest

logger = logging.getLogger(__name__)

# How long an attempt keeps others off its refund: longer than pay_refund can run (50 s), so that only a dead attempt is
# taken over, and no longer than a message can wait, so that the retry of a lost worker finds the refund free.
LEASE: Final = timedelta(seconds=60)
POLICY: Final = RetryPolicy()
ANSWER_KEPT: Final = 500  # characters: a page of HTML says no more than its beginning

Clock = Callable[[], datetime]
Failure = Refused | TryAgain


@dataclass(frozen=True)
class NotNow:
    """The refund did not change: it is settled, taken back, not due, in another worker's hands, or has to wait."""


Result = Answer | Retry | GiveUp | NotNow


def pay_refund(
    refund_id: int,
    now: datetime,
    *,
    gateway: Gateway,
    jitter: float,
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
) -> Result:
    """Attempt to pay one refund, once, and write down the answer. Raises UnknownRow, and what check_tracked raises.

    `clock` says when the call ended. Errors but TryAgain and Refused are bugs: they propagate, and the attempt counts.
    """
    policy = policy or POLICY
    try:
        refund = find(refund_id)
    except UnknownRow:
        if ReturnRequest.objects.filter(pk=refund_id).exists():
            return NotNow()  # somebody has taken the approval back since the message was sent
        raise
    if refund.status != RefundStatus.PENDING or refund.due_at > now:
        return NotNow()
    if refund.attempts >= policy.max_attempts:
        said = f"; the last said: {refund.failure}" if refund.failure else ""
        return _give_up(refund, f"gave up after {refund.attempts} attempts without an answer{said}", now)
    answer = _attempt(refund, now, gateway)
    ended = clock() if clock else now
    if isinstance(answer, Refused | TryAgain):
        return _store_failure(refund, answer, ended, policy, jitter)
    return answer if isinstance(answer, NotNow) else _store_answer(refund, answer, ended, gateway)


def find(refund_id: int) -> Refund:
    """Return the refund with its request. Raises UnknownRow."""
    refund = Refund.objects.select_related("request").filter(pk=refund_id).first()
    if refund is None:
        raise UnknownRow("refund", refund_id)
    return refund


def _permitted(refund: Refund, order: Order, now: datetime, gateway: Gateway) -> bool:
    """Ask for the permits of the calls, before the claim: a refund whose call has to wait has not been attempted."""
    # One search counts as a call. The searches on earlier payments are not counted: they can exceed the rate.
    asked = {"gateway": gateway, "calls": 2 if order.asked_before else 1}
    row = _unchanged(refund)
    # While a receiver waits, the message is neither in the queue nor lost.
    permitted = all(signals.answers(signals.call_asked, **asked, waiting=lambda: row.update(dispatched_at=now)))
    if not permitted:
        row.update(dispatched_at=None)  # the reconciler sends it again
    return permitted


def _unchanged(refund: Refund, **columns: datetime) -> QuerySet[Refund]:
    """Return the row, unless another attempt or round has begun: one that outlived its lease changes nothing."""
    attempt = {"attempts": refund.attempts, "tried_again": refund.tried_again}
    return Refund.objects.filter(queries.UNPAID, pk=refund.pk, **attempt, **columns)


def _claim(refund: Refund, now: datetime) -> bool:
    """Count an attempt and keep others off for a lease; commits before the provider is called."""
    free = _unchanged(refund, due_at=refund.due_at) & queries.payable(now)
    refund.attempts += 1
    refund.first_attempt_at = refund.first_attempt_at or now
    with transaction.atomic(durable=True):
        return bool(free.update(due_at=now + LEASE, attempts=refund.attempts, first_attempt_at=refund.first_attempt_at))


def _attempt(refund: Refund, now: datetime, gateway: Gateway) -> Answer | Failure | NotNow:
    order = Order.of(refund)  # before the claim, which counts the attempt
    if not (_permitted(refund, order, now, gateway) and _claim(refund, now)):
        return NotNow()
    try:
        answer = gateway.refund(order, refund.idempotency_key)
        if not isinstance(answer, Settled | UnderWay):
            raise TypeError(f"the gateway answered {answer!r}: refund() must return Settled or UnderWay")
    except (Refused, TryAgain) as failure:
        return failure
    except Exception as bug:
        _unchanged(refund).update(failure=shortened(f"{type(bug).__name__}: {bug}"))
        raise
    return answer


def _store_failure(refund: Refund, failure: Failure, now: datetime, policy: RetryPolicy, jitter: float) -> Result:
    if isinstance(failure, Refused):  # the no is final for the key that was asked with
        return _give_up(refund, str(failure), now, new_key=True)
    elapsed = now - (refund.first_attempt_at or now)
    verdict = policy.after_failure(attempt=refund.attempts, elapsed=elapsed, jitter=jitter, retry_after=failure.after)
    if isinstance(verdict, GiveUp):
        return _give_up(refund, f"{verdict.reason}: {failure}", now)
    due_at = now + verdict.delay
    sent = due_at if verdict.by_message else None  # None: the reconciler sends it once it is due
    _unchanged(refund).update(due_at=due_at, dispatched_at=sent, failure=shortened(str(failure)))
    return verdict


def _store_answer(refund: Refund, answer: Answer, now: datetime, gateway: Gateway) -> Answer:
    """Store the receipt, also of an attempt that outlived its lease: without it, a new try would pay twice."""
    outcome = Outcome.PAID if isinstance(answer, Settled) else Outcome.ACCEPTED
    columns: dict[str, Any] = {"failure": "", "settled_at": now}
    if isinstance(answer, UnderWay):
        columns = {"failure": shortened(answer.reason), "settled_at": None, "accepted_at": now}
    with transaction.atomic():
        row = Refund.objects.select_for_update().get(pk=refund.pk)
        if row.receipt not in {"", answer.receipt}:
            text = "%s: possibly paid twice: it has the receipt %s, and the payment provider has also answered with %s"
            logger.error(text + "; compare both in the provider's dashboard", row, row.receipt, answer.receipt)
            signals.second_receipt.send(Refund, refund=row, receipt=answer.receipt, now=now)
        elif status := TRANSITIONS.get((RefundStatus(row.status), outcome)):  # None: another attempt has written it
            columns |= {"status": status, "receipt": answer.receipt, "dispatched_at": None}
            Refund.objects.filter(pk=row.pk).update(**columns)
            if outcome is Outcome.PAID:
                send_settled(row.pk, now)
                return answer
            if row.status == RefundStatus.FAILED:
                signals.refunds_reopened.send(Refund, ids=[row.pk], now=now)
            signals.refund_accepted.send(Refund, refund=row, now=now)
    if isinstance(answer, UnderWay):
        check_tracked(gateway)  # after the row has the receipt, which must not be lost for a mistake in the settings
    return answer


def _give_up(refund: Refund, reason: str, now: datetime, *, new_key: bool = False) -> GiveUp:
    columns = {"failure": shortened(reason), "settled_at": now, "key_number": F("key_number") + int(new_key)}
    with transaction.atomic():
        if _unchanged(refund).update(status=next_status(RefundStatus.PENDING, Outcome.GIVEN_UP), **columns):
            send_settled(refund.pk, now)
    return GiveUp(shortened(reason))


def shortened(reason: str) -> str:
    """Return the beginning of the reason, without what no database stores: a NUL, or half a surrogate pair."""
    return reason.encode(errors="backslashreplace").decode().replace("\0", "\\x00")[:ANSWER_KEPT]


def send_settled(refund_id: int, now: datetime) -> None:
    """Tell the rooms that the refund was settled at `now`. Requires the transaction of the outcome around it."""
    signals.refunds_settled.send(Refund, id_range=IdRange(refund_id, refund_id), now=now)
