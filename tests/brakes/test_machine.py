"""A state machine of days on which operators cancel, undo and pause: nothing is paid that should not be, or twice."""

import os
from datetime import timedelta
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery
from django.contrib.auth.models import User
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from pytest_django import Settings

from refunds.brakes import cancelling, pausing, undoing
from refunds.domain.returns import Status
from refunds.errors import BadInput
from refunds.frozen import freeze
from refunds.management.audit import run_audit
from refunds.models import ReturnRequest, Sweep, WalletEntry
from refunds.operations import button

from ..day.conftest import app
from ..factories import CUTOFF, MINUTE, SECOND, empty_tables, make_requests
from .approved import small_chunks

__all__ = ["small_chunks"]  # a fixture

HOLD = timedelta(seconds=60)
# About the hold, and about the cutoff, to the millisecond of Celery.
BLINK = timedelta(milliseconds=1)
STEPS = st.sampled_from([timedelta(0), BLINK, SECOND, HOLD - BLINK, HOLD, HOLD + BLINK])


class Brakes(RuleBasedStateMachine):
    """Requests come in, sweeps are pressed and stopped, payments are paused, and time passes."""

    @initialize(before=STEPS)
    def open(self, before: timedelta) -> None:
        """Begin a few minutes before the cutoff."""
        self.boss, self.presses, self.paid = User.objects.create_user("boss"), 0, set[int]()
        self.celery = VirtualCelery(app, start=CUTOFF - 3 * MINUTE - before)
        self.celery.__enter__()

    def teardown(self) -> None:
        """Lift the pause and let the cutoff pass: all that is approved is paid once, and all else is declined."""
        if not hasattr(self, "celery"):
            return
        try:
            self.act(pausing.lift, by=self.boss)
            self.celery.run_until(max(self.celery.now, CUTOFF) + 5 * MINUTE)
            self.nothing_contradicts()
            assert not ReturnRequest.objects.filter(status=Status.REQUESTED, received_at__lt=CUTOFF).exists()
            approved = ReturnRequest.objects.filter(status=Status.APPROVED).values_list("pk", flat=True)
            assert set(WalletEntry.objects.values_list("pk", flat=True)) == set(approved)
        finally:
            self.celery.__exit__(None, None, None)
            empty_tables()
            User.objects.all().delete()

    def act(self, press: Any, *args: Any, **columns: Any) -> None:
        """Press a button, which can be refused."""
        try:
            press(*args, now=self.celery.now, **columns)
        except BadInput:
            return

    @rule(count=st.integers(1, 5))
    def receive(self, count: int) -> None:
        """Requests come in now."""
        make_requests(count, received_at=self.celery.now)

    @rule(step=STEPS)
    def approve(self, step: timedelta) -> None:
        """The button; workers begin, and go on when time passes."""
        self.presses += 1
        button.start_approve(key=str(self.presses), frozen=freeze(), by=None, now=self.celery.now)
        self.celery.advance(step)

    @precondition(lambda self: self.presses)
    @rule(data=st.data(), cancel=st.booleans(), step=STEPS)
    def stop(self, data: st.DataObject, cancel: bool, step: timedelta) -> None:
        """A sweep is cancelled, or undone; the workers' part comes when time passes."""
        ids = list(Sweep.objects.order_by("pk").values_list("pk", flat=True))
        pk = data.draw(st.sampled_from(ids))
        if cancel:
            self.act(cancelling.cancel, pk)
        else:
            self.act(undoing.undo, pk, by=self.boss, reason="r")
        self.celery.advance(step)

    @rule(step=STEPS)
    def pause(self, step: timedelta) -> None:
        """No payment begins while time passes."""
        self.act(pausing.pause, by=self.boss, reason="r")
        before = set(WalletEntry.objects.values_list("pk", flat=True))
        self.celery.advance(step)
        assert set(WalletEntry.objects.values_list("pk", flat=True)) == before

    @rule()
    def lift(self) -> None:
        """Payments go on."""
        self.act(pausing.lift, by=self.boss)

    @rule(step=STEPS)
    def wait(self, step: timedelta) -> None:
        """Time passes."""
        self.celery.advance(step)

    @invariant()
    def nothing_contradicts(self) -> None:
        """What was paid stays approved, and the audit finds nothing wrong."""
        if hasattr(self, "celery"):
            paid = set(WalletEntry.objects.values_list("pk", flat=True))
            assert self.paid <= paid
            assert ReturnRequest.objects.filter(pk__in=paid).exclude(status=Status.APPROVED).count() == 0
            assert run_audit().problems == []
            self.paid = paid


@pytest.mark.hypothesis
@pytest.mark.django_db(transaction=True)
def test_stopped_days_end_with_equal_books(settings_: Settings) -> None:
    """Whatever is pressed and stopped, each approved request is paid once, and nothing else is."""
    settings_.REFUNDS_HOLD = 60
    examples = 50 if os.environ.get("REFUNDS_THOROUGH") else 10
    run(Brakes, settings=settings(max_examples=examples, stateful_step_count=15, deadline=None))


@pytest.fixture(name="settings_")
def project(settings: Settings) -> Settings:
    """Return the project's settings; hypothesis has the name."""
    return settings
