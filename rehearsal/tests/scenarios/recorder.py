"""Celery's signals in real processes, as lines of a file that all of them append to."""

from __future__ import annotations

import json
import os
import signal as processes
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from celery import signals
from celery.worker import state

from .answer import arguments

if TYPE_CHECKING:
    from contextlib import ExitStack


class Log:
    """A file of JSON lines. One `write` per line, so that processes do not mix theirs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def add(self, scenario: str, kind: str, *rest: Any) -> None:
        """Append a line."""
        os.write(self._file, json.dumps([scenario, kind, *rest]).encode() + b"\n")

    def read(self) -> list[list[Any]]:
        """Every line so far."""
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def wait_until_quiet(self, seconds: float) -> None:
        """Wait until so many seconds have passed without a new line."""
        size = -1
        while size != (size := self.path.stat().st_size):
            time.sleep(seconds)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Logs:
    """A log for each worker. The publisher, which has all scenarios, writes into the one of the scenario's worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_scenario: dict[str, Log] = {}

    def open(self, scenarios: list[str], undo: ExitStack) -> Log:
        """Open the log of a worker of these scenarios, until the stack is closed."""
        log = Log(self._folder / f"{scenarios[0]}.jsonl")
        undo.callback(log.close)
        self._by_scenario |= dict.fromkeys(scenarios, log)
        return log

    def add(self, scenario: str, kind: str, *rest: Any) -> None:
        """Append a line to the log of the scenario's worker."""
        # What Celery publishes for itself, as celery.chord_unlock, is no scenario's.
        if scenario in self._by_scenario:
            self._by_scenario[scenario].add(scenario, kind, *rest)


class Notes:
    """The part of a world that a scenario's tasks need: notes, and a child that can die. Satisfies `World`."""

    def __init__(self, log: Log, scenario: str) -> None:
        self._log = log
        self._scenario = scenario

    def note(self, text: str) -> None:
        self._log.add(self._scenario, "note", text)

    def noted(self) -> list[str]:
        return [line[2] for line in self._log.read() if line[:2] == [self._scenario, "note"]]

    def act(self, what: str) -> None:
        raise AssertionError(f"{what} from within a worker")

    def ready(self) -> dict[str, int]:
        raise AssertionError("a worker does not look into its queues")

    def lose_child(self) -> NoReturn:
        os.kill(os.getpid(), processes.SIGKILL)
        raise AssertionError("SIGKILL returned")


class Recorder:
    """Writes what happens to tasks, in the parent, its children and the publisher alike."""

    def __init__(self, log: Log | Logs) -> None:
        self._log = log

    def connect(self) -> None:
        """Listen until the process ends."""
        signals.after_task_publish.connect(self._sent, weak=False)
        signals.task_received.connect(self._received, weak=False)
        signals.task_prerun.connect(self._started, weak=False)
        signals.task_success.connect(self._succeeded, weak=False)
        signals.task_failure.connect(self._failed, weak=False)
        signals.task_retry.connect(self._retried, weak=False)
        signals.task_revoked.connect(self._revoked, weak=False)

    def connect_publisher(self, undo: ExitStack) -> None:
        """Listen to what this process publishes, until the stack is closed."""
        signals.after_task_publish.connect(self._sent, weak=False)
        undo.callback(signals.after_task_publish.disconnect, self._sent)

    def _add(self, kind: str, name: str, id_: str, retries: int | None, args: str = "") -> None:
        scenario, _, short = name.partition(".")
        self._log.add(scenario, kind, id_, short, args, (retries or 0) + 1)

    def _sent(self, sender: str, headers: dict[str, Any], **_kwargs: Any) -> None:
        if "id" in headers:  # protocol 1 has it in the body
            self._add("sent", sender, headers["id"], headers.get("retries"), arguments(headers))

    def _received(self, request: Any, **_kwargs: Any) -> None:
        headers = request.request_dict
        self._add("received", request.name, request.id, headers.get("retries"), arguments(headers))

    def _started(self, task: Any, task_id: str, **_kwargs: Any) -> None:
        self._add("started", task.name, task_id, task.request.retries)

    def _succeeded(self, sender: Any, **_kwargs: Any) -> None:
        self._add("succeeded", sender.name, sender.request.id, sender.request.retries)

    def _failed(self, sender: Any, task_id: str, **_kwargs: Any) -> None:
        retries = sender.request.retries
        if task_id in state.requests:  # the parent speaks for a child that cannot
            retries = state.requests[task_id].request_dict.get("retries")
        self._add("failed", sender.name, task_id, retries)

    def _retried(self, sender: Any, request: Any, **_kwargs: Any) -> None:
        self._add("retried", sender.name, request.id, request.retries)

    def _revoked(self, sender: Any, request: Any, expired: bool, **_kwargs: Any) -> None:
        self._add("expired" if expired else "revoked", sender.name, request.id, request.retries)


def define(stage: Any, story: Any) -> Any:
    """Run a scenario up to its first `yield`; what is left of it publishes."""
    rest = story(stage)
    with suppress(StopIteration):
        next(rest)
    return rest
