"""When outcomes are looked up: what the reconciler sends, what a hint does, and what `health` says."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from refunds import outbox
from refunds.domain.refunds import RefundStatus
from refunds.gateways import Refused, Settled, UnderWay
from refunds.models import Refund
from refunds.operations import PATIENCE, health, local, reconcile
from refunds.operations.bulk_payments import try_again
from refunds.operations.payments import NotNow
from refunds.tracking.look_ups import LONG, LOOK_UP_REFUND, OVERDUE, hint, lines, send_look_ups
from refunds.tracking.models import LookUp
from refunds.tracking.outcomes import look_up_refund

from ..factories import BLINK, DAY, HOUR, MINUTE, NOON, make_failed, make_processing, make_refund
from ..operations.conftest import Commit, Limit, Published
from ..operations.payers import Paced, Scripted
from .rows import make_paid, row, rows, under_way

pytestmark = pytest.mark.django_db
DUE = NOON + MINUTE


def send(now: datetime, patience: timedelta = PATIENCE) -> int:
    return send_look_ups(now, Scripted(), patience)


def test_the_reconciler_sends_one_look_up_for_each_refund_that_is_due(
    published: Published, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before it is due, and not again while its message waits in the queue, however long."""
    waiting = [2]
    monkeypatch.setattr(outbox, "queued", lambda *_: waiting[0])
    first, second = under_way(), under_way(look_at=DUE + MINUTE)
    make_refund(due_at=DUE + DAY)
    hinted = make_paid(look_at=DUE, sent_at=NOON)
    make_paid()
    with commit():
        assert send(DUE - BLINK) == 0
        assert [send(DUE), send(DUE), send(DUE + MINUTE - BLINK)] == [2, 0, 0]
        assert [send(DUE + MINUTE), send(DUE + DAY)] == [1, 0]
        waiting[0] = 0
        assert send(DUE + DAY) == 3
    sent = [[message["refund_id"] for message in messages] for _, messages in published]
    assert sent == [[first.pk, hinted.pk], [second.pk], [first.pk, second.pk, hinted.pk]]
    assert {name for name, *_ in published} == {LOOK_UP_REFUND}


def test_a_lost_look_up_comes_again_after_a_minute(published: Published, commit: Commit) -> None:
    """Its queue is empty: a message that was sent a minute ago is lost. At a worker's start none is waited for."""
    under_way()
    with commit():
        assert [send(DUE), send(DUE + PATIENCE - BLINK), send(DUE + PATIENCE)] == [1, 0, 1]
        assert send(DUE + PATIENCE + BLINK, patience=timedelta(0)) == 1


def test_every_run_of_the_reconciler_sends_what_is_due(published: Published, commit: Commit) -> None:
    """Look-ups are a part of what it counts; no payment of the refund is sent."""
    refund = under_way()
    with commit():
        sent = reconcile.reconcile(DUE, gateway=Scripted())
    assert (sent["look_ups"], sent["refunds"]) == (1, 0)
    assert published == [(LOOK_UP_REFUND, [{"refund_id": refund.pk}])]


def test_a_run_sends_what_the_provider_can_take_until_the_next(
    published: Published, commit: Commit, limit: Limit
) -> None:
    """At four calls a minute two look-ups, the oldest first."""
    limit(Paced(15))
    ids = [under_way(look_at=NOON + n * BLINK).pk for n in (3, 2, 1)]
    with commit():
        assert send(DUE) == 2
    ((_, messages),) = published
    assert {message["refund_id"] for message in messages} == {ids[1], ids[2]}


def test_refund_is_not_due_again_right_after_its_look_up(published: Published, commit: Commit) -> None:
    """After the answer nothing is sent until the next time."""
    refund = under_way()
    with commit():
        send(DUE)
        look_up_refund(refund.pk, DUE, gateway=Scripted(UnderWay("re_1")))
        assert [send(DUE + MINUTE - BLINK), send(DUE + MINUTE)] == [0, 1]


@pytest.mark.parametrize("says", [RefundStatus.SUCCEEDED, RefundStatus.FAILED, None])
def test_a_hint_brings_the_look_up_forward(published: Published, commit: Commit, says: RefundStatus | None) -> None:
    """The row keeps it, so that it outlives its message: the reconciler's next run sends another."""
    refund = under_way(look_at=NOON + 6 * HOUR)
    before = row(refund)
    with commit():
        assert hint(refund.request.key, "re_1", says, DUE) == 1
    assert published == [(LOOK_UP_REFUND, [{"refund_id": refund.pk}])]
    assert row(refund) == before | {"look_at": DUE}
    with commit():
        assert send(DUE) == 1


FAILED = {"status": "failed", "settled_at": NOON, "failure": "no"}


@pytest.mark.parametrize(
    ("make", "columns", "says"),
    [
        (under_way, {}, "processing"),
        (make_paid, {}, "succeeded"),
        *((make_refund, FAILED, says) for says in ("failed", "succeeded")),
        # The hint is about the first refund of the request, which failed; the second one counts.
        *((make, {"receipt": "re_2"}, "failed") for make in (under_way, make_paid)),
    ],
)
def test_hint_that_says_nothing_new_causes_no_look_up(
    published: Published, commit: Commit, make: Callable[..., Refund], columns: dict[str, Any], says: str
) -> None:
    """Each would be a call: Stripe sends, and replays, an event about every refund, from its dashboard too."""
    refund = make(**columns)
    before = rows()
    with commit():
        assert hint(refund.request.key, "re_1", RefundStatus(says), DUE) == 0
        assert hint("somebody else's", "re_1", RefundStatus.FAILED, DUE) == 0
    assert (rows(), published) == (before, [])


def test_a_hint_about_a_pending_refund_waits_on_the_row(published: Published, commit: Commit) -> None:
    """Its answer is on the way: the look-up follows it, and no message is sent before."""
    refund = make_refund()
    with commit():
        assert hint(refund.request.key, "re_1", RefundStatus.FAILED, NOON) == 1
        assert send(DUE) == 0
    assert (LookUp.objects.get().look_at, published) == (NOON, [])


def test_health_names_refunds_under_way_for_a_week() -> None:
    """From a week on, with the provider's id; the outcome ends it."""
    refund = under_way(look_at=NOON + LONG + MINUTE)
    under_way(accepted_at=NOON + MINUTE, look_at=NOON + LONG + MINUTE)
    assert lines(NOON + LONG - BLINK) == []
    (line,) = lines(NOON + LONG)
    assert line == (
        f"refunds under way: 1 for more than 7 days, the oldest (refund {refund.pk}, re_1) accepted "
        f"{local(NOON)}; look in the payment provider's dashboard at what it waits for"
    )
    with override("uk"):
        assert lines(NOON + LONG)[0].startswith("відшкодування, що виконуються понад 7 днів: 1, найдавніше")
    look_up_refund(refund.pk, NOON + LONG + MINUTE, gateway=Scripted("re_1"))
    assert lines(NOON + LONG) == []


@pytest.mark.parametrize(("make", "since"), [(under_way, DUE), (make_processing, NOON)], ids=["look-up", "none"])
def test_health_names_overdue_look_ups(make: Callable[[], Refund], since: datetime) -> None:
    """An outcome that is overdue after a second message, also of a refund whose look-up is missing."""
    refund = make()
    make_paid()
    assert lines(DUE + OVERDUE - BLINK) == []
    (line,) = lines(DUE + OVERDUE)
    begins = f"refunds not looked up: 1 past their time, the oldest (refund {refund.pk}) due {local(since)}; "
    assert line.startswith(begins)
    assert LOOK_UP_REFUND in line
    with override("uk"):
        assert lines(DUE + OVERDUE)[0].startswith("відшкодування, стан яких не перевірено вчасно: 1, найдавніше")


def test_health_names_what_failed_after_it_succeeded_until_an_operator_has_acted() -> None:
    """The line stays for as long as it takes, and ends with "Try again"."""
    refund = make_paid(look_at=DUE)
    make_failed()
    assert lines(DUE) == []
    look_up_refund(refund.pk, DUE, gateway=Scripted(Refused("returned")))
    for later in (DUE, DUE + timedelta(days=90)):
        (line,) = lines(later)
        assert line == (
            f"refunds that failed after they had succeeded: 1, the oldest (refund {refund.pk}) since "
            f"{local(DUE)}; the money is back in the account: open the refund in the admin"
        )
    assert health.health(DUE) == lines(DUE)
    with override("uk"):
        assert lines(DUE)[0].startswith("відшкодування, що не вдалися після виплати: 1, найдавніше")
    try_again([refund.pk], DUE)
    assert lines(DUE) == []


def test_refund_under_way_without_a_look_up_is_due_a_minute_after_its_acceptance(
    published: Published, commit: Commit
) -> None:
    """As where this room was added to a running project: the reconciler sends it, and a message finds it due."""
    refund = make_processing()
    with commit():
        assert [send(DUE - BLINK), send(DUE), send(DUE)] == [0, 1, 0]
    assert published == [(LOOK_UP_REFUND, [{"refund_id": refund.pk}])]
    other = make_processing()
    assert look_up_refund(other.pk, DUE - BLINK, gateway=Scripted()) == NotNow()
    assert look_up_refund(other.pk, DUE, gateway=Scripted("re_1")) == Settled("re_1")
    assert Refund.objects.get(pk=other.pk).status == RefundStatus.SUCCEEDED
