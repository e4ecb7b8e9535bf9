"""A real worker: the program `celery worker`, in a process group of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .recorder import Notes

if TYPE_CHECKING:
    from collections.abc import Callable

    from .recorder import Log

# Seconds that a worker may take to start or to stop; a limit for a hang, not a measure.
PATIENCE = 60
LOOK = 0.02
COMMAND = [sys.executable, "-m", "celery", "-A", "scenarios.program:app", "worker"]
COMMAND += ["--without-gossip", "--without-mingle", "--loglevel=WARNING"]


class Worker:
    """A worker program. `wanted` is what `program` reads; `queues` are what it consumes."""

    def __init__(self, wanted: dict[str, Any], log: Log) -> None:
        self._log = log
        self._wanted = wanted
        self._name = wanted["names"][0]
        self._node = "worker1@virtual"
        self._second: Worker | None = None
        self._said = log.path.with_name(f"{self._name}.said")
        self.queues: list[str] = []
        # Without heartbeats a worker has no events that remote control could enable.
        self._quiet = [] if wanted["settings"].get("worker_enable_remote_control") else ["--without-heartbeat"]
        dropped = {"DJANGO_SETTINGS_MODULE", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"}
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        self._environment = kept | {
            "SCENARIOS_WANTED": json.dumps(wanted),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; it is not ready yet."""
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                [*COMMAND, *self._quiet, "-n", self._node, "-Q", ",".join(self.queues)],
                cwd=Path(__file__).parents[1],
                env=self._environment,
                stdout=said,
                stderr=said,
                start_new_session=True,  # so that a SIGKILL reaches its children, as that of a container does
            )

    def add(self) -> None:
        """Start a second one with the same queues, which dies with this one."""
        self._second = Worker(self._wanted, self._log)
        self._second._node = "worker2@virtual"
        self._second.queues = self.queues
        self._second.start()

    def wait_until_ready(self, times: int = 1) -> None:
        """Wait for its signal `worker_ready`, the one of its so many-th start."""
        self._until(lambda: self._log.read().count(["", "ready", self._name]) >= times, "is not ready")

    def terminate(self) -> None:
        """Ask for a warm shutdown, and wait for its end."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill all of its processes, and those of a second worker."""
        if self._second is not None:
            self._second.kill()
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)

    def said(self) -> str:
        """What it wrote to its terminal."""
        return self._said.read_text(errors="replace")

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def _until(self, condition: Any, otherwise: str) -> None:
        ends = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > ends or self._running().poll() is not None:
                raise RuntimeError(f"the worker {otherwise}: {self.said()}")
            time.sleep(LOOK)


class RealWorld(Notes):
    """The publisher's side of a scenario with real processes. Satisfies `World`."""

    def __init__(self, log: Log, scenario: str, worker: Worker, ready: Callable[[str], dict[str, int]]) -> None:
        super().__init__(log, scenario)
        self._worker = worker
        self._ready = ready
        self._starts = 1

    def act(self, what: str) -> None:
        if what in {"start_worker", "add_worker"}:
            self._starts += 1
            {"start_worker": self._worker.start, "add_worker": self._worker.add}[what]()
            self._worker.wait_until_ready(self._starts)
        else:
            {"kill_worker": self._worker.kill, "stop_worker": self._worker.terminate}[what]()

    def ready(self) -> dict[str, int]:
        return self._ready(self._scenario)

    def lose_child(self) -> NoReturn:
        raise AssertionError("no pool child runs in the publisher")
