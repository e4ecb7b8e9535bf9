"""A state machine for hypothesis in which time passes and things break; a user adds rules and invariants.

    class Orders(VirtualCeleryMachine):
        app, start = app, NOON

        @rule()
        def order(self):
            place_order.delay()

        @invariant()
        def charged_once(self):
            ...

    TestOrders = Orders.TestCase

A failure shrinks; the report holds the timeline of the smallest run and the calls that replay it.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from .cluster import VirtualCelery

if TYPE_CHECKING:
    from .timeline import Timeline

# Seconds. Short ones meet retries and rate limits, an hour the visibility timeout, a day the schedule.
PAUSES = (0, 1, 60, 600, 3_600, 86_400)

# The oldest messages are the ones already done; a double of a recent one is what breaks things.
RECENT = 20


class VirtualCeleryMachine(RuleBasedStateMachine):
    """Base of a state machine over a cluster, `self.celery`.

    `app` and `start` (an aware datetime) are set by the subclass; `options` are further arguments of
    VirtualCelery. A subclass that must not see a fault overrides the rule's method with one that is no rule.
    """

    app: ClassVar[Any]
    start: ClassVar[datetime]
    options: ClassVar[dict[str, Any]] = {"workers": 2, "beats": 1}

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.celery = self._stack.enter_context(VirtualCelery(self.app, start=self.start, **self.options))

    def teardown(self) -> None:
        """Stop the cluster; show its timeline if this is the run that fails."""
        note(_Shown(self.celery.timeline))
        self._stack.close()

    @rule(seconds=st.sampled_from(PAUSES))
    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.celery.advance(timedelta(seconds=seconds))

    @precondition(lambda self: self.celery.workers)
    @rule(data=st.data())
    def kill_worker(self, data: st.DataObject) -> None:
        """Kill any worker that runs."""
        self.celery.kill_worker(data.draw(st.sampled_from(sorted(self.celery.workers)), label="worker"))

    @precondition(lambda self: self.celery.workers)
    @rule(data=st.data(), at=st.sampled_from(["start", "end"]))
    def kill_worker_in_task(self, data: st.DataObject, at: str) -> None:
        """Let a worker die in a task, the next time that it runs."""
        names = sorted(name for name in self.app.tasks if not name.startswith("celery."))
        self.celery.kill_worker(during=data.draw(st.sampled_from(names), label="task"), at=at)

    @precondition(lambda self: self.celery.workers_down)
    @rule()
    def start_worker(self) -> None:
        """Start a worker that is down."""
        self.celery.start_worker()

    @precondition(lambda self: self.celery.beats)
    @rule(data=st.data(), kill=st.booleans())
    def stop_beat(self, data: st.DataObject, kill: bool) -> None:
        """Stop or kill any beat that runs."""
        name = data.draw(st.sampled_from(sorted(self.celery.beats)), label="beat")
        self.celery.stop_beat(name, kill=kill)

    @precondition(lambda self: self.celery.beats_down)
    @rule(fresh=st.booleans())
    def start_beat(self, fresh: bool) -> None:
        """Start a beat that is down, with or without its schedule file."""
        self.celery.start_beat(fresh=fresh)

    @precondition(lambda self: not self.celery.strands.waiting)
    @rule()
    def lose_broker(self) -> None:
        """Empty the broker."""
        self.celery.lose_broker()

    @rule(n=st.integers(1, 3))
    def fail_publish(self, n: int) -> None:
        """Let the next publishes fail."""
        self.celery.fail_publish(n)

    @precondition(lambda self: self.celery.timeline.of("sent"))
    @rule(data=st.data())
    def deliver_twice(self, data: st.DataObject) -> None:
        """Deliver a recent message a second time."""
        ids = list(dict.fromkeys(record.id for record in self.celery.timeline.of("sent")))[-RECENT:]
        self.celery.deliver_twice(ids[data.draw(st.integers(0, len(ids) - 1), label="message")])

    def recover(self) -> None:
        """Start whatever is down and end every fault: what a user calls before asking "and in the end?"."""
        self.celery.fail_publish(0)
        self.celery.disarm()
        while self.celery.workers_down:
            self.celery.start_worker()
        while self.celery.beats_down:
            self.celery.start_beat()


class _Shown:
    """A timeline whose table is made only if it is printed."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def __repr__(self) -> str:
        return f"timeline:\n{self._timeline}"
