"""The faults: what breaks in production, on command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BadUseError, WorkerKilled

if TYPE_CHECKING:
    from datetime import timedelta

    from .beats import Beat, Shelves
    from .broker import Broker
    from .clock import VirtualClock
    from .watch import Watch
    from .workers import Worker


class Faults:
    """Mixed into `VirtualCelery`."""

    workers: dict[str, Worker]
    beats: dict[str, Beat]
    broker: Broker
    watch: Watch
    clock: VirtualClock
    _current: Worker | None
    _queues: dict[str, list[str]]
    _beats_wanted: list[str]
    _shelves: Shelves
    _schedule_filename: str

    def kill_worker(self, name: str | None = None) -> None:
        """Kill a worker as SIGKILL does; without a name, the one that runs this task, or the only one.

        Called inside a task, on its own worker, it does not return: the task ends there, before its ack. What
        the worker held comes back as the transport does it: at once on "memory", after the visibility timeout
        on "fakeredis"; what it had acked is lost.

        Raises BadUseError when no such worker runs.
        """
        worker = (
            self._current if name is None and self._current else self._member(self.workers, name, "worker")
        )
        if worker is self._current:
            raise WorkerKilled("in the middle of a task")
        self._lose_worker(worker, "")

    def start_worker(self, name: str | None = None) -> None:
        """Start a worker that was killed or stopped; without a name, the first that is down.

        Raises BadUseError when it runs already or was never one of the cluster's.
        """
        name = self._down(self._queues, self.workers, name, "worker")
        self._make_worker(name)
        self.watch.add("worker started", worker=name)

    def stop_worker(self, name: str | None = None) -> None:
        """Stop a worker as SIGTERM does: it gives back what it has not begun."""
        worker = self._member(self.workers, name, "worker")
        del self.workers[worker.name]
        worker.stop()
        self.watch.add("worker stopped", worker=worker.name)

    def stop_beat(self, name: str | None = None, *, kill: bool = False) -> None:
        """Stop a beat: cleanly, or as SIGKILL does, which forgets what was not yet synced to its file."""
        beat = self._member(self.beats, name, "beat")
        del self.beats[beat.name]
        beat.kill() if kill else beat.stop()
        self.watch.add("beat stopped", worker=beat.name, detail="killed" if kill else "")

    def start_beat(self, name: str | None = None, *, fresh: bool = False) -> None:
        """Start a beat that was stopped, with its schedule file, or `fresh` without it."""
        name = self._down(dict.fromkeys(self._beats_wanted), self.beats, name, "beat")
        if fresh:
            self._forget_schedule(name)
        self._make_beat(name)
        self.watch.add("beat started", worker=name, detail="fresh" if fresh else "")

    def lose_broker(self) -> None:
        """Empty the broker: every message is gone, those that workers hold for later included."""
        self._not_in_task("lose_broker")
        for name, worker in list(self.workers.items()):
            worker.kill()
            self._make_worker(name)
        self.broker.lose()
        self.watch.add("broker lost")

    def fail_publish(self, n: int = 1) -> None:
        """Let the next `n` publishes of tasks fail as when the broker is down, their retries included."""
        if n < 0:
            raise BadUseError(f"fail_publish({n}): how many publishes fail is not less than none")
        self.broker.tap.failures = n

    def deliver_twice(self, id: str) -> None:  # noqa: A002 - it is what Celery calls it
        """Put a second copy of a message into its queue. Raises BadUseError for an id never published."""
        twin = self.broker.tap.twin(id)
        if twin is None:
            raise BadUseError(f"deliver_twice({id!r}): no message with that id is known")
        queue, message = twin
        self.broker.put(queue, message)
        self.watch.add("doubled", task=message["headers"]["task"], id=id, queue=queue)

    def step_clock(self, delta: timedelta) -> None:
        """Set the wall clock forward or back without time passing; what counts seconds does not notice."""
        self._not_in_task("step_clock")
        self.clock.step(delta)
        self.watch.add("clock stepped", detail=f"by {delta.total_seconds():+.0f} s")

    def _lose_worker(self, worker: Worker, detail: str) -> None:
        self.workers.pop(worker.name, None)
        worker.kill()
        self.watch.add("worker lost", worker=worker.name, detail=detail)

    def _forget_schedule(self, name: str) -> None:
        self._shelves.disk.pop(f"{self._schedule_filename}-{name}", None)

    def _not_in_task(self, what: str) -> None:
        if self._current is not None:
            raise BadUseError(f"{what}() inside a task")

    def _member(self, members: dict[str, Any], name: str | None, kind: str) -> Any:
        if name is None and len(members) == 1:
            return next(iter(members.values()))
        if name is None or name not in members:
            raise BadUseError(f"no {kind} {name or 'by no name'!r}; running: {', '.join(members) or 'none'}")
        return members[name]

    def _down(self, known: dict[str, Any], up: dict[str, Any], name: str | None, kind: str) -> str:
        down = [known_name for known_name in known if known_name not in up]
        if name is None and down:
            return down[0]
        if name not in down:
            raise BadUseError(f"no {kind} {name!r} is down; down: {', '.join(down) or 'none'}")
        return str(name)

    def _make_worker(self, name: str) -> None:
        raise NotImplementedError

    def _make_beat(self, name: str) -> None:
        raise NotImplementedError
