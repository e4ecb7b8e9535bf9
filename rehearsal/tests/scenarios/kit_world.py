"""A scenario under the kit."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from celery_rehearsal import VirtualCelery

from .answer import Answer, Story, outcome
from .recorder import define
from .stage import Scenario, Stage

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=ZoneInfo("Europe/Kyiv"))
BROKERS = {
    "redis": ("redis://broker.invalid/0", "fakeredis"),
    "amqp": ("amqp://broker.invalid//", "memory"),
}


class KitWorld:
    """Satisfies `World`."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        # What its workers consume.
        self.queues: list[str] = []
        self.celery: Any = None

    def note(self, text: str) -> None:
        self.notes.append(text)

    def noted(self) -> list[str]:
        return self.notes

    def act(self, what: str) -> None:
        if what == "add_worker":
            self.celery.start_worker("worker2", queues=self.queues)
        else:
            getattr(self.celery, what)()

    def ready(self) -> dict[str, int]:
        return Counter(message.queue for message in self.celery.pending().queued)

    def lose_child(self) -> NoReturn:
        self.celery.kill_child()
        raise AssertionError("kill_child() returned")


def answer(scenario: Scenario, broker: str) -> Answer:
    """Run a scenario under the kit."""
    url, transport = BROKERS[broker]
    app = scenario.app(url, "redis://results.invalid/0")
    world = KitWorld()
    stage = Stage(app, scenario.name, world)
    rest = define(stage, scenario.story)
    world.queues = [*stage.queues, "default"]
    try:
        with VirtualCelery(
            app, start=NOON, transport=transport, workers={"worker1": world.queues}, beats=0
        ) as world.celery:
            for seconds in rest:
                world.celery.advance(seconds=seconds)
            return _told(world, stage, scenario)
    finally:
        for signal, receiver in stage.connected:
            signal.disconnect(receiver)


def _told(world: KitWorld, stage: Stage, scenario: Scenario) -> Answer:
    pending = world.celery.pending()
    mine = [record for record in world.celery.timeline if record.task.startswith(f"{scenario.name}.") and record.id]
    story = Story([(r.id, r.kind, r.task.partition(".")[2], r.shown, r.attempt) for r in mine], list(world.notes))
    results = {record.id: outcome(stage.app.backend.get_task_meta(record.id)) for record in mine}
    left: dict[str, list[int]] = {}
    for place, messages in enumerate((pending.queued, pending.unacked)):
        for message in messages:
            # A place on a server finds only these: the queues of a Broadcast have names of their own.
            if message.queue in stage.names:
                left.setdefault(message.queue, [0, 0])[place] += 1
    return story.answer(results, left, ordered=scenario.ordered)
