"""The state machine: time passes and things break, a user's invariant is held against all of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from celery_rehearsal import VirtualCeleryMachine
from hypothesis import settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from .conftest import NOON
from .shop import make_app


class Counting(VirtualCeleryMachine):
    """Sends notes; every note that was sent and not lost has run in the end."""

    start = NOON
    app = make_app()

    @rule()
    def send(self) -> None:
        """Send a note, unless the broker is down."""
        if self.celery.broker.tap.failures == 0:
            self.app.tasks["late"].delay()

    @invariant()
    def nothing_runs_before_it_is_sent(self) -> None:
        """No more runs than deliveries."""
        timeline = self.celery.timeline
        assert len(timeline.of("started", "late")) <= len(timeline.of("received", "late"))


class Believing(Counting):
    """Believes that a message runs once, which no broker promises.

    Overriding a rule with something else takes it away: fewer rules, a faster shrink.
    """

    kill_worker = kill_worker_in_task = start_worker = None  # type: ignore[assignment] # as said
    stop_beat = start_beat = lose_broker = fail_publish = None  # type: ignore[assignment] # as said

    @invariant()
    def each_runs_once(self) -> None:
        """Wrong, and hypothesis shows how."""
        ids = [record.id for record in self.celery.timeline.of("started", "late")]
        assert len(ids) == len(set(ids)), "ran twice"


# Enough examples to reach each rule many times, and few enough for a laptop.
FEW = settings(max_examples=15, stateful_step_count=20, deadline=None, database=None)


@pytest.mark.parametrize("options", [{"workers": 2}, {"transport": "fakeredis", "beats": 0}])
def test_an_invariant_that_holds(options: dict[str, Any]) -> None:
    """Every rule of the base runs on either transport without breaking the kit itself."""
    machine = type("Held", (Counting,), {"options": options})
    run_state_machine_as_test(machine, settings=FEW)


@pytest.mark.long
def test_a_failure_shrinks_and_prints_how_to_replay_it() -> None:
    """The report is the shortest way to a double run, its timeline, and the calls that replay it."""
    with pytest.raises(AssertionError, match="ran twice") as caught:
        run_state_machine_as_test(
            Believing, settings=settings(FEW, max_examples=300, stateful_step_count=8, derandomize=True)
        )
    notes = "\n".join(caught.value.__notes__)
    assert "timeline:\nlocal" in notes
    checks = {"each_runs_once", "nothing_runs_before_it_is_sent"}
    calls = [call for call in re.findall(r"state\.(\w+)\(", notes) if call not in checks]
    assert calls[-1] == "teardown"
    assert "send" in calls
    assert len(calls) <= 6
