"""A state machine of days on which everything breaks: what may never happen, and what must have happened in the end."""

import os
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from celery_app import app
from refunds import store, tasks
from refunds.domain import cutoff
from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import RetryPolicy
from refunds.domain.returns import Decision, Status
from refunds.gateways import Gateway, Order, TryAgain
from refunds.gateways.wallet import Wallet
from refunds.models import ReturnRequest, Sweep, WalletEntry
from refunds.operations import payments, sweeps
from refunds.operations.books import close_books
from refunds.operations.decisions import decide_chosen
from refunds.testkit.machine import VirtualCeleryMachine

from ..factories import CUTOFF, empty_tables, make_requests

# Until all that is owed is done once nothing breaks any more: a lease, a patience or two, and the runs in between.
MENDED = timedelta(minutes=15)
# Days that a run looks at, and `tox run -e thorough`; what that finds is replayed by the code that it prints.
EXAMPLES = 200 if os.environ.get("REFUNDS_THOROUGH") else 10


class Unsteady:
    """The wallet as a provider that pays one at a time, and cannot be reached at times."""

    up = True

    def refund(self, order: Order, idempotency_key: str) -> str:
        if not self.up:
            raise TryAgain("gateway down")
        return Wallet().refund(order, idempotency_key)


class BrokenDays(VirtualCeleryMachine):
    """Requests, presses and choices while workers, beats, the broker and the gateway break at any moment."""

    app = app
    start = CUTOFF - timedelta(minutes=10)
    options = {"workers": 2, "beats": 2, "transport": "fakeredis"}  # noqa: RUF012  # as the base class has it
    gateway: Gateway

    def __init__(self) -> None:
        super().__init__()
        self.decided: dict[int, tuple[Any, ...]] = {}
        self.presses = 0

    @initialize(one_by_one=st.booleans())
    def choose_gateway(self, one_by_one: bool) -> None:
        """Either the wallet in the database, or one that pays refund by refund."""
        self.unsteady = Unsteady()
        type(self).gateway = self.unsteady if one_by_one else Wallet()

    @rule(seconds=st.sampled_from((0, 1, 29, 61, 300)))
    def advance(self, seconds: int) -> None:
        """Time passes, in steps that make a day of half an hour around 18:00."""
        self.celery.advance(timedelta(seconds=seconds))

    def near(self) -> bool:
        """Whether the cut-off is less than an hour away, and not a day of idle runs."""
        return cutoff.upcoming(self.celery.now) - self.celery.now < timedelta(hours=1)

    @precondition(lambda self: self.near())
    @rule()
    def wait_for_the_cutoff(self) -> None:
        """Time passes until 18:00:00."""
        self.celery.run_until(cutoff.upcoming(self.celery.now))

    @precondition(lambda self: self.near())
    @rule(beats=st.booleans(), workers=st.booleans(), pressed=st.booleans())
    def be_down_over_the_cutoff(self, beats: bool, workers: bool, pressed: bool) -> None:
        """What is to run at 18:00:00 is down until that very instant, and comes back then if it was the worker."""
        for name in sorted(self.celery.beats) if beats else ():
            self.celery.stop_beat(name, kill=True)
        for name in sorted(self.celery.workers) if workers else ():
            self.celery.stop_worker(name)
        make_requests(1, received_at=self.celery.now)
        if pressed:
            self.press()
        self.celery.run_until(cutoff.upcoming(self.celery.now))
        while workers and self.celery.workers_down:
            self.celery.start_worker()

    @rule(count=st.integers(1, 4))
    def receive(self, count: int) -> None:
        """Requests come in now."""
        make_requests(count, received_at=self.celery.now)

    @rule()
    def press(self) -> None:
        """The button."""
        self.presses += 1
        sweeps.start_approve(key=str(self.presses), up_to_id=store.highest_id(), by=None, now=self.celery.now)

    @precondition(lambda self: ReturnRequest.objects.exists())
    @rule(data=st.data(), decision=st.sampled_from(Decision))
    def choose(self, data: st.DataObject, decision: Decision) -> None:
        """Some are chosen by hand."""
        first = ReturnRequest.objects.order_by("pk").values_list("pk", flat=True)[0]
        rows = data.draw(st.sets(st.integers(0, ReturnRequest.objects.count() - 1), min_size=1))
        decide_chosen([first + row for row in sorted(rows)], decision, by=None, note="", now=self.celery.now)

    @rule(up=st.booleans())
    def turn_gateway(self, up: bool) -> None:
        """The provider goes away, or comes back."""
        self.unsteady.up = up

    @invariant()
    def a_decision_stands(self) -> None:
        """No decided request changes, and each was decided on its own side of the cut-off."""
        rows = ReturnRequest.objects.exclude(status=Status.REQUESTED)
        now = {row[0]: row for row in rows.values_list("pk", "status", "decided_at", "sweep", "received_at")}
        assert self.decided.items() <= now.items()
        self.decided = now
        for _, status, decided_at, _, received_at in now.values():
            if status == Status.APPROVED:
                assert decided_at is not None
                assert received_at >= cutoff.latest(decided_at)

    @invariant()
    def the_books_are_equal(self) -> None:
        """Each approved request has its refund, each refund at most one credit, of the same amount."""
        assert close_books().problems == []

    def teardown(self) -> None:
        """Mend everything, wait, and ask whether all that is owed is done."""
        try:
            if hasattr(self, "unsteady"):
                self._end()
        finally:
            super().teardown()
            empty_tables()

    def _end(self) -> None:
        while self.celery.beats_down:
            self.celery.start_beat(fresh=True)  # one that knows its last run makes up for it by itself
        self.recover()
        self.unsteady.up = True
        self.celery.advance(MENDED)
        now: datetime = self.celery.now
        books = close_books()
        assert books.problems == []
        assert books.count(RefundStatus.SUCCEEDED) == books.count(Status.APPROVED) == WalletEntry.objects.count()
        overdue = ReturnRequest.objects.filter(status=Status.REQUESTED, received_at__lt=cutoff.latest(now))
        assert not overdue.exists()
        assert not Sweep.objects.filter(closed_at=None).exists()


@pytest.mark.hypothesis
@pytest.mark.django_db(transaction=True)
def test_whatever_breaks_nothing_is_lost_or_done_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through kills, restarts, lost, doubled and unsent messages: one state, one refund, one credit each."""
    monkeypatch.setattr(tasks, "gateway", lambda: BrokenDays.gateway)
    # Waits of seconds, and attempts enough for a provider that is away for most of a run.
    monkeypatch.setattr(payments, "POLICY", RetryPolicy(cap=timedelta(seconds=30), max_attempts=1_000))
    run_state_machine_as_test(
        BrokenDays, settings=settings(max_examples=EXAMPLES, stateful_step_count=20, deadline=None)
    )
