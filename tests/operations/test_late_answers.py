"""An attempt that outlives its lease: what its answer can still change."""

from contextlib import suppress
from datetime import datetime
from functools import partial

import pytest
from django.dispatch import Signal

from refunds import signals
from refunds.domain.retries import GiveUp, RetryPolicy
from refunds.gateways import Refused, Settled, TryAgain, UnderWay
from refunds.models import Refund
from refunds.operations.bulk_payments import try_again
from refunds.operations.payments import LEASE, NotNow, pay_refund

from ..factories import NOON, make_refund
from .payers import Scripted, Slow

pytestmark = pytest.mark.django_db

ONCE = RetryPolicy(max_attempts=1)


@pytest.fixture
def refund() -> Refund:
    """One pending refund, due at noon."""
    return make_refund()


def give_up(refund: Refund, now: datetime) -> None:
    """Another worker finds the attempt of a lease ago without an answer."""
    verdict = pay_refund(refund.pk, now, gateway=Scripted(), jitter=0, policy=ONCE)
    assert verdict == GiveUp("gave up after 1 attempts without an answer")


def row(refund: Refund) -> dict[str, object]:
    """All columns as they are now."""
    return {**Refund.objects.values().get(pk=refund.pk)}


def test_late_receipt_settles_a_refund_that_another_worker_gave_up(refund: Refund) -> None:
    """The refund gets the receipt of an attempt that outlived its lease, although another worker gave up."""
    expired = NOON + LEASE
    gateway = Slow("re_1", lambda: give_up(refund, expired))
    assert pay_refund(refund.pk, NOON, gateway=gateway, jitter=0, policy=ONCE) == Settled("re_1")
    assert row(refund) | {"status": "succeeded", "receipt": "re_1", "settled_at": NOON, "failure": ""} == row(refund)
    assert pay_refund(refund.pk, expired, gateway=Scripted(), jitter=0) == NotNow()


def test_late_receipt_settles_a_refund_that_was_tried_again(refund: Refund) -> None:
    """The receipt of the first round comes while the second round waits, and the provider is not asked again."""

    def during() -> None:
        give_up(refund, NOON + LEASE)
        try_again([refund.pk], NOON + LEASE)

    assert pay_refund(refund.pk, NOON, gateway=Slow("re_1", during), jitter=0, policy=ONCE) == Settled("re_1")
    assert row(refund) | {"status": "succeeded", "receipt": "re_1", "tried_again": 1, "attempts": 0} == row(refund)
    assert pay_refund(refund.pk, NOON + LEASE, gateway=Scripted(), jitter=0) == NotNow()


@pytest.mark.parametrize("late", ["re_1", TryAgain("timeout"), Refused("already refunded")])
def test_first_receipt_is_not_overwritten(refund: Refund, late: str | Exception) -> None:
    """No late answer of another attempt changes a refund that has its receipt."""
    paid: list[dict[str, object]] = []

    def during() -> None:
        pay_refund(refund.pk, NOON + LEASE, gateway=Scripted("re_1"), jitter=0)
        paid.append(row(refund))

    pay_refund(refund.pk, NOON, gateway=Slow(late, during), jitter=0)
    assert paid == [row(refund)]
    assert (paid[0]["status"], paid[0]["receipt"], paid[0]["settled_at"]) == ("succeeded", "re_1", NOON + LEASE)


@pytest.mark.parametrize("late", [TryAgain("timeout"), TryAgain("429", after=LEASE * 10), Refused("card closed")])
@pytest.mark.parametrize("begun", [False, True], ids=["waiting", "being paid"])
def test_late_answer_without_a_receipt_leaves_the_next_round_unchanged(
    refund: Refund, late: TryAgain | Refused, begun: bool
) -> None:
    """A late answer to the first round neither postpones nor gives up the second round."""
    rounds: list[dict[str, object]] = []

    def during() -> None:
        give_up(refund, NOON + LEASE)
        try_again([refund.pk], NOON + LEASE)
        if begun:
            with pytest.raises(ZeroDivisionError):  # the attempt of the second round has no answer yet
                pay_refund(refund.pk, NOON + LEASE, gateway=Scripted(ZeroDivisionError()), jitter=0)
        rounds.append(row(refund))

    pay_refund(refund.pk, NOON, gateway=Slow(late, during), jitter=0)
    assert rounds == [row(refund)]
    assert (rounds[0]["status"], rounds[0]["attempts"], rounds[0]["tried_again"]) == ("pending", int(begun), 1)


def test_late_acceptance_reopens_a_refund_that_another_worker_gave_up(
    refund: Refund, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rooms hear that it has not failed after all, and then that it is under way."""
    heard: list[tuple[str, object]] = []
    for name in ("refunds_reopened", "refund_accepted"):
        monkeypatch.setattr(signals, name, signal := Signal())
        listen = partial(lambda name, **said: heard.append((name, said.get("ids"))), name)
        signal.connect(listen, weak=False)
    gateway = Slow(UnderWay("re_1"), lambda: give_up(refund, NOON + LEASE))
    pay_refund(refund.pk, NOON, gateway=gateway, jitter=0, policy=ONCE)
    assert heard == [("refunds_reopened", [refund.pk]), ("refund_accepted", None)]
    assert row(refund) | {"status": "processing", "receipt": "re_1", "settled_at": None} == row(refund)


class Killed(BaseException):
    """A worker that is killed in the middle of its call leaves no answer."""


@pytest.mark.parametrize("late", [TryAgain("timeout"), Refused("card closed"), ZeroDivisionError()])
def test_late_answer_leaves_the_attempt_that_began_after_it(refund: Refund, late: Exception) -> None:
    """After a late failure, refusal or bug the next attempt keeps its lease, and the refund stays pending."""
    expired = NOON + LEASE

    def begin_the_next() -> None:
        def die() -> None:
            raise Killed

        with pytest.raises(Killed):
            pay_refund(refund.pk, expired, gateway=Slow("", die), jitter=0)

    with suppress(ZeroDivisionError):
        pay_refund(refund.pk, NOON, gateway=Slow(late, begin_the_next), jitter=0)
    begun = {"status": "pending", "attempts": 2, "due_at": expired + LEASE, "failure": "", "key_number": 0}
    assert row(refund) | begun == row(refund)
