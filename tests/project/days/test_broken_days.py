"""A state machine of days on which everything breaks: what never happens, and what has happened in the end."""

import os
from typing import Any

import pytest
from celery_rehearsal.machine import VirtualCeleryMachine
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from celery_app import app
from refunds import tasks
from refunds.domain import cutoff
from refunds.domain.refunds import RefundStatus
from refunds.domain.retries import RetryPolicy
from refunds.domain.returns import Decision, Status
from refunds.frozen import freeze
from refunds.gateways import Gateway
from refunds.gateways.wallet import Wallet
from refunds.management.audit import run_audit
from refunds.models import Refund, ReturnRequest, Sweep, WalletEntry
from refunds.operations import button, payments
from refunds.operations.decisions import decide_chosen
from refunds.rate import receivers
from refunds.rate.limiter import Throttle
from refunds.rate.pacing import Rate

from ...factories import CUTOFF, HOUR, MINUTE, SECOND, empty_tables, make_requests
from ...gateways.provider import Fault, InMemory, answer_lost, unreachable

# From the last fault until everything is done: a lease, a patience or two, and the runs in between.
REPAIRED = 15 * MINUTE
# Days that a run looks at with each payer, and `tox run -e thorough`; what it finds is replayed by what it prints.
EXAMPLES = 20 if os.environ.get("REFUNDS_THOROUGH") else 3


class BrokenDays(VirtualCeleryMachine):
    """Requests, presses and choices while workers, beats, the broker and the gateway break at any moment."""

    app = app
    start = CUTOFF - 10 * MINUTE
    options = {"workers": 2, "beats": 2, "transport": "fakeredis"}  # noqa: RUF012  # as the base class has it
    # Whether the payer is a provider that pays refund by refund, or the wallet in the database.
    one_by_one: bool
    gateway: Gateway
    limiter: Throttle | None = None

    def __init__(self) -> None:
        super().__init__()
        self.decided: dict[int, tuple[Any, ...]] = {}
        self.presses = 0
        self.provider = InMemory()
        self.payment = self.provider.provider.pay(10**9)
        type(self).gateway = self.provider if self.one_by_one else Wallet()

    @initialize(limited=st.booleans())
    def choose_limit(self, limited: bool) -> None:
        """The provider takes one call a second, or any number."""
        type(self).limiter = Throttle(Rate.parse("1/s"), "memory://") if limited else None

    @rule(seconds=st.sampled_from((0, 1, 29, 61, 300)))
    def advance(self, seconds: int) -> None:
        """Time passes, in steps that make a day of half an hour around the cutoff."""
        self.celery.advance(seconds * SECOND)

    # Not a day of idle runs.
    @precondition(lambda self: cutoff.upcoming(self.celery.now) - self.celery.now < HOUR)
    @rule(beats=st.booleans(), workers=st.booleans(), pressed=st.booleans())
    def wait_for_the_cutoff(self, beats: bool, workers: bool, pressed: bool) -> None:
        """Beats or workers can be down until the cutoff itself; the workers are back at that instant."""
        for name in sorted(self.celery.beats) if beats else ():
            self.celery.stop_beat(name, kill=True)
        for name in sorted(self.celery.workers) if workers else ():
            self.celery.stop_worker(name)
        self.receive(1)
        if pressed:
            self.press()
        self.celery.run_until(cutoff.upcoming(self.celery.now))
        while workers and self.celery.workers_down:
            self.celery.start_worker()

    @rule(count=st.integers(1, 4))
    def receive(self, count: int) -> None:
        """Requests come in now, paid for at the provider."""
        make_requests(count, received_at=self.celery.now, payment=self.payment)

    @rule()
    def press(self) -> None:
        """The button."""
        self.presses += 1
        button.start_approve(key=str(self.presses), frozen=freeze(), by=None, now=self.celery.now)

    @precondition(lambda self: ReturnRequest.objects.exists())
    @rule(data=st.data(), decision=st.sampled_from(Decision))
    def choose(self, data: st.DataObject, decision: Decision) -> None:
        """Some are chosen by hand."""
        first = ReturnRequest.objects.order_by("pk").values_list("pk", flat=True)[0]
        rows = data.draw(st.sets(st.integers(0, ReturnRequest.objects.count() - 1), min_size=1))
        decide_chosen([first + row for row in sorted(rows)], decision, by=None, note="", now=self.celery.now)

    @rule(faults=st.lists(st.sampled_from((unreachable, answer_lost)), min_size=1, max_size=5))
    def break_provider(self, faults: list[Fault]) -> None:
        """The next calls do not arrive, or their answers do not."""
        self.provider.faults.extend(faults)

    @rule()
    def forget_keys(self) -> None:
        """A day passes for the provider, which forgets every idempotency key."""
        self.provider.provider.answers.clear()

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        """The provider has refunded each return once at most."""
        references = [entry.reference for entry in self.provider.provider.refunds]
        assert len(references) == len(set(references))

    @invariant()
    def a_decision_stands(self) -> None:
        """No decided request changes, and each was decided on its own side of the cutoff."""
        rows = ReturnRequest.objects.exclude(status=Status.REQUESTED)
        now = {row[0]: row for row in rows.values_list("pk", "status", "decided_at", "sweep", "received_at")}
        assert self.decided.items() <= now.items()
        self.decided = now
        for _, status, decided_at, _, received_at in now.values():
            assert status != Status.APPROVED or (decided_at and received_at >= cutoff.latest(decided_at))

    @invariant()
    def the_audit_finds_nothing_wrong(self) -> None:
        """Each approved request has its refund, each refund at most one credit, of the same amount."""
        assert run_audit().problems == []

    def teardown(self) -> None:
        """Repair everything, wait, and check that everything is done."""
        try:
            self._end()
        finally:
            super().teardown()
            empty_tables()

    def _end(self) -> None:
        while self.celery.beats_down:
            self.celery.start_beat(fresh=True)  # one that knows its last run makes up for it
        self.recover()
        self.provider.faults.clear()
        self.celery.advance(REPAIRED)
        audit = run_audit()
        assert audit.problems == []
        assert audit.count(RefundStatus.SUCCEEDED) == audit.count(Status.APPROVED)
        paid = {entry.id for entry in self.provider.provider.refunds}
        paid |= {f"wallet:{pk}" for pk in WalletEntry.objects.values_list("pk", flat=True)}
        assert set(Refund.objects.values_list("receipt", flat=True)) == paid
        overdue = ReturnRequest.objects.filter(status=Status.REQUESTED, received_at__lt=cutoff.latest(self.celery.now))
        assert not overdue.exists()
        assert not Sweep.objects.filter(closed_at=None).exists()


@pytest.mark.hypothesis
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("one_by_one", [True, False], ids=["provider", "wallet"])
def test_nothing_is_lost_or_done_twice_whatever_breaks(monkeypatch: pytest.MonkeyPatch, one_by_one: bool) -> None:
    """Through kills, restarts, lost, doubled and unsent messages: one state, one refund, one credit each."""
    monkeypatch.setattr(BrokenDays, "one_by_one", one_by_one, raising=False)
    monkeypatch.setattr(tasks, "gateway", lambda: BrokenDays.gateway)
    monkeypatch.setattr(receivers, "limiter", lambda: BrokenDays.limiter)
    # Waits of seconds, and attempts enough for a provider that is away for most of a run.
    monkeypatch.setattr(payments, "POLICY", RetryPolicy(cap=30 * SECOND, max_attempts=1_000))
    run_state_machine_as_test(
        BrokenDays, settings=settings(max_examples=EXAMPLES, stateful_step_count=20, deadline=None)
    )
