"""The hold and the undo on a day in virtual time: real beat, real workers, one clock."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.dispatch import Signal
from pytest_django import Settings

from refunds import signals
from refunds.brakes import pausing, undoing
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest, Sweep

from ..day.conftest import Start, gateway, press, schedule, start, statuses
from ..factories import CUTOFF, MINUTE, PRESSED, SECOND, make_requests
from ..gateways.provider import InMemory

__all__ = ["gateway", "schedule", "start"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)
HOLD = timedelta(seconds=60)
# Celery keeps times to the millisecond.
BLINK = timedelta(milliseconds=1)


@pytest.fixture
def boss(settings: Settings) -> User:
    """An operator of a project that holds payments for a minute."""
    settings.REFUNDS_HOLD = 60
    return User.objects.create_user("boss")


def undo(boss: User, now: Any) -> int:
    return undoing.undo(Sweep.objects.get(kind="approve").pk, by=boss, reason="wrong file", now=now)


def paid_at() -> set[Any]:
    return set(Refund.objects.values_list("settled_at", flat=True))


@pytest.mark.usefixtures("boss")
@pytest.mark.parametrize("transport", ["memory", pytest.param("fakeredis", marks=pytest.mark.long)])
def test_first_payment_begins_when_the_hold_ends(start: Start, transport: str) -> None:
    """Approved at once, and paid a minute later to the millisecond: the wallet's whole range, and nothing before."""
    make_requests(3)
    celery = start(PRESSED, transport=transport)
    press(celery)
    celery.advance(HOLD - BLINK)
    assert (len(statuses()["approved"]), paid_at()) == (3, {None})
    celery.advance(BLINK)
    celery.run_until_idle()
    assert paid_at() == {PRESSED + HOLD}


def test_undo_a_millisecond_before_the_hold_ends_takes_everything_back(start: Start, boss: User) -> None:
    """No payment begins, and the cutoff declines the rows like any other."""
    rows = make_requests(3)
    celery = start(PRESSED)
    press(celery)
    celery.advance(HOLD - BLINK)
    undo(boss, celery.now)
    celery.advance(30 * SECOND)
    assert (statuses(), Refund.objects.count()) == ({"requested": rows}, 0)
    celery.advance(2 * MINUTE)
    assert statuses() == {"declined": rows}
    assert run_audit().problems == []


def test_undo_at_the_instant_of_the_payments_leaves_those_that_have_begun(
    start: Start, boss: User, gateway: InMemory
) -> None:
    """The provider is being asked for the first of three refunds: it is paid, and the other two are taken back."""
    rows = [make_requests(payment=gateway.provider.pay(1250))[0] for _ in range(3)]
    celery = start(PRESSED, beats=0)
    instants: list[Any] = []

    def meet(call: Any) -> Any:
        instants.append(celery.now)
        undo(boss, celery.now)
        return call()

    gateway.faults.append(meet)
    press(celery)
    celery.advance(2 * MINUTE)
    assert instants == [PRESSED + HOLD]
    assert {status: len(found) for status, found in statuses().items()} == {"approved": 1, "requested": 2}
    assert (len(gateway.provider.refunds), Refund.objects.get().status) == (1, "succeeded")
    assert (len(rows), celery.timeline.of("failed")) == (3, [])


def test_undo_at_the_instant_of_the_payments_stops_those_that_have_not_begun(
    start: Start, boss: User, gateway: InMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has read the first refund and asks for a permit: its claim then finds the undo."""
    rows = [make_requests(payment=gateway.provider.pay(1250))[0] for _ in range(3)]
    celery = start(PRESSED, beats=0)
    asked = Signal()
    monkeypatch.setattr(signals, "call_asked", asked)
    instants: list[Any] = []

    def permit(**_: object) -> bool:
        if not instants:
            undo(boss, celery.now)
        instants.append(celery.now)
        return True

    asked.connect(permit)
    press(celery)
    celery.advance(2 * MINUTE)
    assert instants[0] == PRESSED + HOLD
    assert statuses() == {"requested": rows}
    assert gateway.provider.refunds == []


def test_approval_just_before_the_cutoff_is_undone_after_it(start: Start, boss: User) -> None:
    """Its rows missed the decline at the cutoff, and are declined as soon as they are taken back."""
    rows = make_requests(3)
    celery = start(CUTOFF - 10 * SECOND)
    press(celery)
    celery.advance(20 * SECOND)
    assert {status: len(found) for status, found in statuses().items()} == {"approved": 3}
    undo(boss, celery.now)
    celery.run_until_idle()
    assert statuses() == {"declined": rows}
    assert set(ReturnRequest.objects.values_list("decided_at", flat=True)) == {CUTOFF + 10 * SECOND}


def test_paused_payments_go_on_when_the_pause_is_lifted(start: Start, boss: User) -> None:
    """The hold ends while payments are paused; they are paid by the reconciler after the lift, and none before."""
    make_requests(3)
    celery = start(PRESSED)
    pausing.pause(by=boss, reason="r", now=celery.now)
    press(celery)
    celery.advance(10 * MINUTE)
    assert paid_at() == {None}
    pausing.lift(by=boss, now=celery.now)
    lifted = celery.now
    celery.advance(MINUTE)
    (paid,) = paid_at()
    assert lifted < paid <= lifted + 30 * SECOND
