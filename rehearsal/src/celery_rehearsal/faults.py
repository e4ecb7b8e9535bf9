"""The faults: what breaks in production, on command."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from . import entries
from .arguments import check_name, declared_queues, declared_tasks, duration, task_name
from .errors import BadUseError, NotSimulatedError
from .lifecycle import Lifecycle
from .limits import reason

if TYPE_CHECKING:
    from datetime import timedelta

    from .workers import Worker

# Where in a task a worker can be told to die.
EDGES = ("start", "end")


class Faults(Lifecycle):
    """Mixed into `VirtualCelery`."""

    app: Any
    _arms: list[tuple[str | None, str, str]]

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

    def reach(self, task: str, edge: str) -> None:
        """A task has reached its start or end: kill the worker that is to die there."""
        for arm in self._arms:
            if self.strands.current and self._current and arm in {(None, task, edge), (self._current.name, task, edge)}:
                self._arms.remove(arm)
                self.strands.current.die(f"at the {edge} of {task}")

    def _names(self, kind: str) -> set[str] | None:
        if kind == "task":
            return {name for app in self.apps for name in declared_tasks(app)}
        if kind == "task id":
            # Older records are gone.
            return set() if self.timeline.total == len(self.timeline) else None
        if kind == "entry":
            return self._entries()
        if kind == "queue":
            taps = [queue for broker in self.brokers for queue in broker.tap.queues]
            return {*taps, *chain.from_iterable((*self._queues.values(), *map(declared_queues, self.apps)))}
        return {*self._queues, *self._beats_wanted, "test"}

    def _entries(self) -> set[str] | None:
        found = {str(name) for app in self.apps for name in app.conf.beat_schedule}
        for beat in self.beats.values():
            with beat.active():
                names = entries.names(beat.scheduler)
            if names is None:
                return None
            found |= names
        return found

    def _lose_worker(self, worker: Worker, detail: str) -> None:
        self.workers.pop(worker.name, None)
        for strand in self.strands.of(worker.name):
            self.strands.kill(strand, detail)
        worker.kill()
        self.watch.add("worker lost", worker=worker.name, detail=detail)
