"""A state machine of days: the system in virtual time against a plain model of the rules."""

import os
from datetime import date, datetime, timedelta

import pytest
from celery_rehearsal import VirtualCelery
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from refunds.domain import cutoff
from refunds.domain.returns import DECIDED, Decision, Status
from refunds.frozen import freeze
from refunds.management.audit import run_audit
from refunds.models import ReturnRequest, WalletEntry
from refunds.operations import button
from refunds.operations.decisions import decide_chosen
from refunds.schedule import beat_schedule

from ..factories import MINUTE, SECOND, TODAY, empty_tables, make_requests
from .conftest import Schedule, app

# Ordinary days, and days on which clocks change in Europe or in America.
DAYS = (TODAY, date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1))
# To the cutoff, just past it, and around it: no less than a millisecond, the unit in which RabbitMQ drops messages.
STEPS = st.sampled_from([timedelta(0), timedelta(milliseconds=1), SECOND, 7 * MINUTE])


class Days(RuleBasedStateMachine):
    """Requests come in, the button is pressed, rows are chosen, time passes; nothing breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[int, tuple[datetime, Status]] = {}
        self.presses = 0

    @initialize(day=st.sampled_from(DAYS), before=STEPS)
    def open(self, day: date, before: timedelta) -> None:
        """Begin shortly before or at the cutoff of an ordinary day or of a change of clocks."""
        self.celery = VirtualCelery(app, start=cutoff.on(day) - before)
        self.celery.__enter__()

    def teardown(self) -> None:
        """End the cluster and empty the tables; a test's rollback would keep messages from being sent."""
        if hasattr(self, "celery"):
            self.celery.__exit__(None, None, None)
        empty_tables()

    @rule(count=st.integers(1, 5))
    def receive(self, count: int) -> None:
        """Requests come in now."""
        now = self.celery.now
        self.model |= {row.pk: (now, Status.REQUESTED) for row in make_requests(count, received_at=now)}

    @rule()
    def press(self) -> None:
        """The button: everything pending since the last cutoff is approved."""
        now, self.presses = self.celery.now, self.presses + 1
        button.start_approve(key=str(self.presses), frozen=freeze(), by=None, now=now)
        self._decide(Status.APPROVED, self._pending(since=cutoff.latest(now)))
        self.celery.advance(timedelta(0))

    @precondition(lambda self: self.model)
    @rule(data=st.data(), decision=st.sampled_from(Decision))
    def choose(self, data: st.DataObject, decision: Decision) -> None:
        """Some are chosen by hand, decided ones among them."""
        now = self.celery.now
        ids = data.draw(st.lists(st.sampled_from(sorted(self.model)), min_size=1, unique=True))
        since = cutoff.latest(now) if decision is Decision.APPROVE else None
        open_ids = self._pending(since=since) & set(ids)
        assert decide_chosen(ids, decision, by=None, note="chosen", now=now) == len(open_ids)
        self._decide(DECIDED[decision], open_ids)
        self.celery.advance(timedelta(0))

    @rule(step=STEPS)
    def wait(self, step: timedelta) -> None:
        """A little time passes."""
        self._run_until(self.celery.now + step)

    @rule(step=STEPS, before=st.booleans())
    def wait_for_the_cutoff(self, step: timedelta, before: bool) -> None:
        """Time passes until about the next cutoff."""
        line = cutoff.upcoming(self.celery.now)
        self._run_until(max(self.celery.now, line - step) if before else line + step)

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        """Every request is in the state of the model, every approved one is paid, and the audit finds nothing wrong."""
        statuses = dict(ReturnRequest.objects.values_list("pk", "status"))
        assert statuses == {pk: status for pk, (_, status) in self.model.items()}
        approved = {pk for pk, (_, status) in self.model.items() if status is Status.APPROVED}
        assert set(WalletEntry.objects.values_list("pk", flat=True)) == approved
        assert run_audit().problems == []

    def _run_until(self, instant: datetime) -> None:
        line = cutoff.upcoming(self.celery.now)
        self.celery.run_until(instant)
        if line <= instant:
            self._decide(Status.DECLINED, self._pending(before=line))

    def _pending(self, *, since: datetime | None = None, before: datetime | None = None) -> set[int]:
        pending = {pk: received for pk, (received, status) in self.model.items() if status is Status.REQUESTED}
        early = {pk for pk, received in pending.items() if since is not None and received < since}
        return {pk for pk, received in pending.items() if before is None or received < before} - early

    def _decide(self, status: Status, ids: set[int]) -> None:
        self.model |= {pk: (self.model[pk][0], status) for pk in ids}


@pytest.mark.hypothesis
@pytest.mark.django_db(transaction=True)
def test_days_follow_the_model(schedule: Schedule) -> None:
    """Whatever is received, pressed, chosen and waited for, rows, refunds and ledger are what plain rules say."""
    entries = beat_schedule()
    # Every three hours instead of every half minute: here it finds nothing to do, and would take most of the time.
    schedule({**entries, "reconcile": {**entries["reconcile"], "schedule": 10_800.0}})
    examples = 50 if os.environ.get("REFUNDS_THOROUGH") else 10
    run(Days, settings=settings(max_examples=examples, stateful_step_count=15, deadline=None))
