"""Pausing payments: no attempt begins until the pause is lifted."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from refunds.brakes import pausing
from refunds.brakes.models import Pause
from refunds.domain.sweeps import IdRange
from refunds.errors import BadInput
from refunds.gateways import Gateway
from refunds.gateways.wallet import Wallet
from refunds.operations import bulk_payments, payments
from refunds.operations import local as shown
from refunds.operations.health import health
from refunds.operations.reconcile import reconcile

from ..factories import MINUTE, NOON, PRESSED, SECOND, local, make_refund, refund_rows
from ..operations.conftest import Published, published
from ..operations.payers import Scripted, Slow

__all__ = ["published"]  # a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def boss() -> User:
    """An operator."""
    return User.objects.create_user("boss")


@pytest.mark.parametrize("gateway", [Wallet(), Scripted("r")], ids=["bulk", "each"])
def test_nothing_is_paid_or_sent_while_payments_are_paused(boss: User, published: Published, gateway: Gateway) -> None:
    """Not in bulk, not one by one, and the reconciler sends nothing; afterwards it sends what has waited."""
    pausing.pause(by=boss, reason="provider's books are wrong", now=NOON)
    refund = make_refund()
    before = refund_rows()
    assert bulk_payments.pay_refunds(IdRange(refund.pk, refund.pk), PRESSED, gateway=gateway) == 0
    assert payments.pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0) == payments.NotNow()
    assert reconcile(PRESSED, gateway=gateway)["refunds"] == 0
    assert (refund_rows(), published) == (before, [])
    pausing.lift(by=boss, now=PRESSED)
    assert reconcile(PRESSED, gateway=gateway)["refunds"] == 1


def test_attempt_under_way_finishes(boss: User) -> None:
    """A call to the provider that began before the pause stores its answer."""
    refund = make_refund()
    gateway = Slow("re_1", lambda: pausing.pause(by=boss, reason="r", now=PRESSED))
    payments.pay_refund(refund.pk, PRESSED, gateway=gateway, jitter=0)
    assert refund_rows()[refund.pk]["status"] == "succeeded"


def test_pause_that_comes_before_the_claim_stops_the_attempt(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker has read the refund and waits for a permit: its claim then finds the pause, and counts nothing."""
    refund = make_refund()
    permitted = payments._permitted

    def pause_first(*args: object) -> bool:
        pausing.pause(by=boss, reason="r", now=PRESSED)
        return permitted(*args)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(payments, "_permitted", pause_first)
    assert payments.pay_refund(refund.pk, PRESSED, gateway=Scripted("r"), jitter=0) == payments.NotNow()
    assert refund_rows()[refund.pk]["attempts"] == 0


def test_second_pause_and_second_lift_are_refused(boss: User) -> None:
    """The text says who paused, and since when. A later pause is a row of its own."""
    pausing.pause(by=boss, reason="r", now=PRESSED)
    with pytest.raises(BadInput, match=f"paused already, by boss since {local(PRESSED)}"):
        pausing.pause(by=boss, reason="another", now=PRESSED + SECOND)
    pausing.lift(by=boss, now=PRESSED + MINUTE)
    with pytest.raises(BadInput, match="payments are not paused"):
        pausing.lift(by=boss, now=PRESSED + MINUTE)
    pausing.pause(by=boss, reason="again", now=PRESSED + MINUTE)
    rows = Pause.objects.order_by("pk").values_list("reason", "lifted_at", "is_open")
    assert list(rows) == [("r", PRESSED + MINUTE, None), ("again", None, True)]


def test_database_refuses_two_open_pauses_and_a_half_lifted_one(boss: User) -> None:
    """Whatever code writes the rows."""
    columns = {"reason": "r", "paused_at": PRESSED, "paused_by": boss}
    Pause.objects.create(**columns)
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"is_open": None},
        {"is_open": None, "lifted_at": PRESSED},
        {"is_open": False},
    )
    for values in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            Pause.objects.create(**columns, **values)


def test_health_says_that_payments_are_paused(boss: User) -> None:
    """Who paused them, since when, and why; nothing once it is lifted."""
    pausing.pause(by=boss, reason="books are wrong", now=PRESSED)
    assert health(PRESSED) == [f"payments are paused since {shown(PRESSED)} by boss: books are wrong"]
    pausing.lift(by=boss, now=PRESSED)
    assert health(PRESSED) == []
