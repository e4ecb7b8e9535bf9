"""Scenarios by real worker processes: `python -m scenarios.real redis|amqp [NAME...]` prints their answers as JSON.

REHEARSAL_REDIS and REHEARSAL_AMQP say where the servers are. What a run puts there has a prefix of its own, and is
deleted at its end.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import cases
from .answer import Answer, Story, outcome
from .place import REDIS, AmqpPlace, left, place
from .recorder import Log, Logs, Recorder, define
from .stage import STEP, Scenario, Stage
from .worker import RealWorld, Worker

# Seconds without a new line in a worker's log after which nothing is expected to happen any more.
QUIET = 1.5 * STEP

# Workers of a broker that run at the same time: more only make each other late.
AT_ONCE = 10

# Seconds between the starts of two scenarios, so that none is late because all others publish.
STAGGER = 0.05

# Scenarios that share a worker, and its slots: none of them waits for another's slot.
SIDE_BY_SIDE = 25
SLOTS = 8


class Group:
    """Scenarios that share one worker."""

    def __init__(self, scenarios: list[Scenario], broker: str, log: Log, undo: ExitStack) -> None:
        first = scenarios[0]
        self.scenarios = scenarios
        self.place: Any = undo.enter_context(place(broker))
        settings = merged({} if first.alone else {"worker_concurrency": SLOTS}, first.settings, self.place.settings)
        self.app = first.app(self.place.broker, REDIS, **settings)
        wanted = {
            "names": [scenario.name for scenario in scenarios],
            "log": str(log.path),
            "broker": self.place.broker,
            "backend": REDIS,
            "prefix": self.place.prefix,
            "settings": settings,
        }
        self.worker = Worker(wanted, log)
        undo.callback(self.worker.kill)
        self.stages = [
            Stage(self.app, each.name, RealWorld(log, each.name, self.worker, self.place.ready), self.place.prefix)
            for each in scenarios
        ]
        self.rests = [define(stage, each.story) for stage, each in zip(self.stages, scenarios, strict=True)]
        self.worker.queues = [f"{self.place.prefix}default", *(q for stage in self.stages for q in stage.queues)]
        if isinstance(self.place, AmqpPlace):
            self.place.queues = {stage.name: stage.names for stage in self.stages}
        self.ready: dict[str, dict[str, int]] = {}
        undo.callback(self.app.close)

    def count(self) -> None:
        """Count what is ready while the worker lives, and kill it."""
        self.ready = {stage.name: self.place.ready(stage.name) for stage in self.stages}
        self.worker.kill()

    def answers(self, log: Log) -> Iterator[tuple[str, Answer]]:
        """Each scenario's name and answer, of a worker that is dead."""
        lines = log.read()
        for scenario in self.scenarios:
            mine = [line[1:] for line in lines if line[0] == scenario.name]
            notes = [line[1] for line in mine if line[0] == "note"]
            events = [(id_, kind, *rest) for kind, id_, *rest in (line for line in mine if line[0] != "note")]
            results = {id_: outcome(self.app.backend.get_task_meta(id_)) for id_ in {event[0] for event in events}}
            remains = left(self.place, scenario.name, self.ready[scenario.name])
            yield scenario.name, Story(events, notes).answer(results, remains, ordered=scenario.ordered)


def merged(*settings: dict[str, Any]) -> dict[str, Any]:
    """Settings, the later ones first, but a dictionary's items side by side."""
    found: dict[str, Any] = {}
    for name, value in (item for each in settings for item in each.items()):
        found[name] = {**found.get(name, {}), **value} if isinstance(value, dict) else value
    return found


def grouped(scenarios: list[Scenario]) -> list[list[Scenario]]:
    """Scenarios by worker: some workers that many share, which take longest, and one for each that wants its own."""
    shared = [scenario for scenario in scenarios if not scenario.alone]
    several = [shared[start : start + SIDE_BY_SIDE] for start in range(0, len(shared), SIDE_BY_SIDE)]
    return several + [[scenario] for scenario in scenarios if scenario.alone]


def run(scenarios: list[Scenario], broker: str) -> dict[str, Answer]:
    """The scenarios' answers by name."""
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="scenarios-")))
        logs = Logs(folder)
        Recorder(logs).connect_publisher(undo)
        threads = ThreadPoolExecutor(AT_ONCE)
        # What has started ends, also after an error, because it has workers to kill.
        undo.callback(threads.shutdown, cancel_futures=True)
        told = [threads.submit(_told, group, broker, logs) for group in grouped(scenarios)]
        return {name: answer for each in told for name, answer in each.result()}


def _told(scenarios: list[Scenario], broker: str, logs: Logs) -> list[tuple[str, Answer]]:
    with ExitStack() as undo:
        log = logs.open([scenario.name for scenario in scenarios], undo)
        group = Group(scenarios, broker, log, undo)
        group.worker.start()
        group.worker.wait_until_ready()
        with ThreadPoolExecutor(len(group.rests)) as threads:
            published = []
            for rest in group.rests:
                published.append(threads.submit(_publish, rest))
                time.sleep(STAGGER)
            for each in published:
                each.result()
        log.wait_until_quiet(QUIET)
        group.count()
        return list(group.answers(log))


def _publish(rest: Iterator[float]) -> None:
    for seconds in rest:
        time.sleep(seconds)


def main(broker: str, *names: str) -> None:
    """Print the answers of the scenarios named, or of all."""
    known = [scenario for scenario in cases.load().values() if broker in scenario.on]
    wanted = [scenario for scenario in known if not names or scenario.name in names]
    sys.stdout.write(json.dumps(run(wanted, broker), indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
