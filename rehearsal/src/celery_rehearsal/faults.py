"""The faults: what breaks in production, on command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import check_name, declared_tasks, duration, task_name
from .driver import Driver
from .errors import BadUseError, NotSimulatedError
from .limits import reason
from .members import queue_list

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from .shelves import Shelves
    from .workers import Worker

# Where in a task a worker can be told to die.
EDGES = ("start", "end")


class Faults(Driver):
    """Mixed into `VirtualCelery`."""

    app: Any
    _arms: list[tuple[str | None, str, str]]
    _queues: dict[str, list[str]]
    _beats_wanted: list[str]
    _shelves: Shelves
    _schedule_filename: str

    def kill_worker(self, name: str | None = None, *, during: Any = None, at: str = "start") -> None:
        """Kill a worker as SIGKILL does; without a name, the one that runs this task, or the only one.

        With `during`, a task or its name, the worker (any, without a name) dies the next time it runs that
        task: at its "start", when nothing of it is done, or at its "end", when all of it is done and nothing
        stored.

        Called inside a task, on its own worker, it does not return: the task ends there, before its ack. What
        the worker held comes back as the transport does it: at once on "memory", after the visibility timeout
        on "fakeredis"; what it had acked is lost.

        Raises BadUseError when no such worker runs, or for a task that the app does not define.
        """
        if at not in EDGES:
            self._refuse(BadUseError(f"kill_worker(at={at!r}): give one of {', '.join(EDGES)}"))
        if during is not None:
            check_name(task_name(during), "task", {name for app in self.apps for name in app.tasks})
            if name is not None:
                check_name(name, "worker", self._queues)
            self._arms.append((name, task_name(during), at))
            return
        worker = self._current if name is None and self._current else self._member(self.workers, name, "worker")
        if worker is self._current and self.strands.current is not None:
            self.strands.current.die("in the middle of a task")
        self._lose_worker(worker, "")

    def kill_child(self, name: str | None = None) -> None:
        """Kill a child of a worker's pool as SIGKILL does; without a name, of the only worker.

        It is the child that runs the longest, or, inside a task, the task's own, and the call does not return. The
        worker notices at once: the task fails with WorkerLostError, or its message comes back, by `acks_late` and
        `reject_on_worker_lost`; another child starts.

        Raises BadUseError when no such worker runs, or none of its children runs a task.
        """
        worker = self._current if name is None and self._current else self._member(self.workers, name, "worker")
        self.watch.add("child lost", worker=worker.name)
        worker.pool.lose_child()

    def start_worker(self, name: str | None = None, *, queues: Iterable[str] | None = None) -> None:
        """Start a worker that was killed or stopped; without a name, the first that is down.

        With `queues`, it consumes those from now on, and can be a new worker of the main app.

        Raises BadUseError when it runs already, or was never one of the cluster's and no queues are given.
        """
        if queues is not None and name is not None and name not in {*self.workers, *self.beats, *self._beats_wanted}:
            part = self._owner.get(name, self._parts[0])
            self._enrol(name, part, queue_list(name, queues), list(part.app.amqp.queues))
        name = _choose(self.workers_down, name, "worker")
        self._make_worker(name)
        self.watch.add("worker started", worker=name)

    def stop_worker(self, name: str | None = None, *, detail: str = "") -> None:
        """Stop a worker as SIGTERM does: it gives back what it has not begun. `detail` is for the timeline."""
        self._not_in_task("stop_worker")
        worker = self._member(self.workers, name, "worker")
        del self.workers[worker.name]

        def end_turn() -> None:
            if self._loops(worker):
                self.strands.wait(None, lambda: not self._loops(worker))

        self._act(worker.name, lambda: worker.stop(end_turn, signal=not detail), worker)
        self.watch.add("worker stopped", worker=worker.name, detail=detail)

    def stop_beat(self, name: str | None = None, *, kill: bool = False) -> None:
        """Stop a beat: cleanly, or as SIGKILL does, which forgets what was not yet synced to its file."""
        beat = self._member(self.beats, name, "beat")
        del self.beats[beat.name]
        for strand in self.strands.of(beat.name):
            self.strands.kill(strand, "")
        self._act(beat.name, beat.kill if kill else beat.stop)
        self.watch.add("beat stopped", worker=beat.name, detail="killed" if kill else "")

    def start_beat(self, name: str | None = None, *, fresh: bool = False) -> None:
        """Start a beat that was stopped, with its schedule file, or `fresh` without it."""
        name = _choose(self.beats_down, name, "beat")
        if fresh:
            self._forget_schedule(name)
        self._make_beat(name)
        self.watch.add("beat started", worker=name, detail="fresh" if fresh else "")

    def lose_broker(self, app: Any = None) -> None:
        """Empty the broker of the main app, or of `app`: every message is gone, those that workers hold too.

        Raises NotSimulatedError while a task runs, BadUseError for an app that is not of the cluster.
        """
        self._not_in_task("lose_broker")
        if self.strands.waiting:
            raise NotSimulatedError(reason("lose_broker"))
        owner = next((part for part in self._parts if part.app is (app or self.app)), None)
        if owner is None:
            known = ", ".join(str(part.app.main) for part in self._parts)
            raise BadUseError(f"lose_broker({app!r}): not an app of the cluster; its apps: {known}")
        for name, worker in list(self.workers.items()):
            if self.broker_of(name) is owner.broker:
                self._act(name, worker.reconnect, worker)
        owner.broker.lose()
        self.watch.add("broker lost", detail=f"of app {app.main}" if app else "")

    def fail_publish(self, n: int = 1) -> None:
        """Let the next `n` publishes of tasks fail as when the broker is down, their retries included.

        With several apps, publishes of each count.
        """
        if n < 0:
            raise BadUseError(f"fail_publish({n}): give how many publishes fail, 0 or more")
        self.broker.tap.publishing.failures = n

    def deliver_twice(self, id: str) -> None:  # noqa: A002 - it is what Celery calls it
        """Put a second copy of a message into its queue. Raises BadUseError for an id never published."""
        twin = self.broker.tap.twin(id)
        if twin is None:
            raise BadUseError(f"deliver_twice({id!r}): no message with that id was sent, or too many came after it")
        tap, queue, message = twin
        next(broker for broker in self.brokers if broker.tap is tap).put(queue, message)
        self.watch.add("doubled", task=message["headers"]["task"], id=id, queue=queue)

    def step_clock(self, delta: timedelta) -> None:
        """Set the wall clock forward or back without time passing; what counts seconds does not notice.

        A beat notices as it wakes next: with Celery's own scheduler up to 300 s later, as a real one.
        """
        self._not_in_task("step_clock")
        self.clock.step(duration(delta, "step_clock()"))
        for beat in self.beats.values():
            beat.wake_in_time(self.clock.ticks)
        self.watch.add("clock stepped", detail=f"by {delta.total_seconds():+.0f} s")

    def disarm(self) -> None:
        """Forget every `kill_worker(during=...)` that has not happened yet."""
        self._arms.clear()

    @property
    def workers_down(self) -> list[str]:
        """Names of workers that were killed or stopped."""
        return [name for name in self._queues if name not in self.workers]

    @property
    def beats_down(self) -> list[str]:
        """Names of beats that were stopped."""
        return [name for name in self._beats_wanted if name not in self.beats]

    def reach(self, task: str, edge: str) -> None:
        """A task has reached its start or end: kill the worker that is to die there."""
        for arm in self._arms:
            if self.strands.current and self._current and arm in {(None, task, edge), (self._current.name, task, edge)}:
                self._arms.remove(arm)
                self.strands.current.die(f"at the {edge} of {task}")

    def _names(self, kind: str) -> set[str]:
        if kind == "task":
            return {name for app in self.apps for name in declared_tasks(app)}
        return {*self._queues, *self._beats_wanted, "test"}

    def _lose_worker(self, worker: Worker, detail: str) -> None:
        self.workers.pop(worker.name, None)
        for strand in self.strands.of(worker.name):
            self.strands.kill(strand, detail)
        worker.kill()
        self.watch.add("worker lost", worker=worker.name, detail=detail)

    def _forget_schedule(self, name: str) -> None:
        filename = f"{self._schedule_filename}-{name}"
        self._shelves.disk.pop(filename, None)
        if not self._owner[name].on_disk:
            return
        path = Path(filename)
        # A dbm file has one or more suffixes, depending on the library that Python found.
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()

    def _not_in_task(self, what: str) -> None:
        if self._current is not None:
            self._refuse(BadUseError(f"{what}() inside a task: only the test can call it"))

    def _member(self, members: dict[str, Any], name: str | None, kind: str) -> Any:
        if name is None and len(members) == 1:
            return next(iter(members.values()))
        if name is None or name not in members:
            # In a task, which could catch it or fail by it, it is the test's too.
            self._refuse(BadUseError(f"{_which(kind, name, members)}; running: {', '.join(members) or 'none'}"))
        return members[name]

    def _make_worker(self, name: str) -> None:
        raise NotImplementedError

    def _make_beat(self, name: str) -> None:
        raise NotImplementedError


def _choose(down: list[str], name: str | None, kind: str) -> str:
    if name is None and down:
        return down[0]
    if name is None or name not in down:
        raise BadUseError(f"no {kind} {f'{name!r} ' if name else ''}is down; down: {', '.join(down) or 'none'}")
    return name


def _which(kind: str, name: str | None, members: dict[str, Any]) -> str:
    if name:
        return f"no {kind} {name!r}"
    return f"which {kind}? give its name" if members else f"no {kind} runs"
