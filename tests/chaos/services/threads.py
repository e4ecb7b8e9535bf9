"""Worker and beat in this process, for the broker that no other process can reach: `memory`."""

import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from celery import Celery
from celery.beat import EmbeddedService
from celery.contrib.testing.worker import start_worker


class Threads:
    """A solo worker and beats, each a thread, with what scenarios ask of a Crew."""

    def __init__(self, folder: Path, app: Celery) -> None:
        self._folder = folder
        self._app = app
        self._stack = ExitStack()
        self._beats: dict[str, threading.Thread] = {}
        self._workers: list[str] = []
        self.ended: Counter[str] = Counter()
        self.managed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def start_worker(self, name: str) -> None:
        """Start the worker; there is one."""
        queues = [queue.name for queue in self._app.conf.task_queues]
        self._stack.enter_context(
            start_worker(self._app, pool="solo", queues=queues, perform_ping_check=False, shutdown_timeout=60)
        )
        self._workers.append(name)

    def start_beat(self, name: str) -> None:
        """Start a beat with the app's scheduler."""
        beat: Any = EmbeddedService(self._app, thread=True, schedule_filename=str(self._folder / name))
        beat.daemon = True
        beat.start()
        self._beats[name] = beat
        self._stack.callback(beat.stop)

    def ready(self, name: str) -> bool:
        """Whether it serves: start_worker has waited for a worker, and a beat is a thread that runs."""
        return name in self._workers or self._beats[name].is_alive()

    def kill(self, name: str) -> None:
        """Raises NotImplementedError: a thread cannot be killed."""
        raise NotImplementedError(f"{name} is a thread of this process: give the scenario a broker of processes")

    start_again = kill

    def check(self) -> None:
        """Raises RuntimeError where a beat has ended unasked."""
        if gone := [name for name, beat in self._beats.items() if not beat.is_alive()]:
            raise RuntimeError(f"{', '.join(gone)} ended unasked")

    def unforeseen(self) -> Counter[str]:
        """Nothing: what a task raises here is seen in the rows alone."""
        return Counter()
