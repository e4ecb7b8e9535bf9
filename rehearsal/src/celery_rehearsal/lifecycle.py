"""Members of a cluster: how they start and stop, and which are down."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .beat_program import BeatProgram
from .driver import Driver
from .entries import guard_entries
from .errors import BadUseError
from .members import queue_list
from .stage import wrap_tasks
from .workers import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .shelves import Shelves


class Lifecycle(Driver):
    """Mixed into `VirtualCelery`."""

    _beats_wanted: list[str]
    _options: dict[str, Any]
    _shelves: Shelves
    _schedule_filename: str
    _undo: ExitStack

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
        self._act(worker.name, self._stopping(worker, signal=not detail), worker)
        self.watch.add("worker stopped", worker=worker.name, detail=detail)

    def _stopping(self, worker: Worker, *, signal: bool = True) -> Callable[[], None]:
        """A worker is one of the cluster's no more; return what it does until it has stopped."""
        del self.workers[worker.name]

        def end_turn() -> None:
            if self._loops(worker):
                self.strands.wait(None, lambda: not self._loops(worker))

        return lambda: worker.stop(end_turn, signal=signal)

    def start_beat(self, name: str | None = None, *, fresh: bool = False) -> None:
        """Start a beat that was stopped, with its schedule file, or `fresh` without it."""
        name = _choose(self.beats_down, name, "beat")
        if fresh:
            self._forget_schedule(name)
        self._make_beat(name)
        self.watch.add("beat started", worker=name, detail="fresh" if fresh else "")

    def stop_beat(self, name: str | None = None, *, kill: bool = False) -> None:
        """Stop a beat: cleanly, or as SIGKILL does, which forgets what was not yet synced to its file."""
        beat = self._member(self.beats, name, "beat")
        del self.beats[beat.name]
        for strand in self.strands.of(beat.name):
            self.strands.kill(strand, "")
        self._act(beat.name, beat.kill if kill else beat.stop)
        self.watch.add("beat stopped", worker=beat.name, detail="killed" if kill else "")

    @property
    def workers_down(self) -> list[str]:
        """Names of workers that were killed or stopped."""
        return [name for name in self._queues if name not in self.workers]

    @property
    def beats_down(self) -> list[str]:
        """Names of beats that were stopped."""
        return [name for name in self._beats_wanted if name not in self.beats]

    def _start_members(self, undo: ExitStack) -> None:
        if any(part.on_disk for part in self._parts) and self._schedule_filename == "schedule":
            folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="beat-"))
            self._schedule_filename = str(Path(folder) / "schedule")
        self._enlist()
        self._undo = undo
        undo.callback(self._close)
        self.watch.connect(undo)
        for name in self._queues:
            self._make_worker(name)
        for name in self._beats_wanted:
            self._make_beat(name)

    def _make_worker(self, name: str) -> None:
        wrap_tasks(self._undo, self._owner[name].app, self)
        self._act(name, lambda: self._start_worker(name))

    def _start_worker(self, name: str) -> None:
        part = self._owner[name]
        part.locals.forget(name)
        self.workers[name] = Worker(
            part.app,
            name,
            queues=self._queues[name],
            broker=part.broker,
            started=self.clock.ticks,
            watch=self.watch,
            strands=self.strands,
            clock=self.clock,
            options=self._options,
            processes=part.processes,
        )

    def _make_beat(self, name: str) -> None:
        self._act(name, lambda: self._start_beat(name))

    def _start_beat(self, name: str) -> None:
        part = self._owner[name]
        part.locals.forget(name)
        self.beats[name] = BeatProgram(
            part.app,
            name,
            scheduler=part.scheduler,
            filename=f"{self._schedule_filename}-{name}",
            ticks=self.clock.ticks,
            watch=self.watch,
            processes=part.processes,
        )
        guard_entries(self._undo, self.beats[name].scheduler, self.clock, self._refuse, self.leave)

    def _forget_schedule(self, name: str) -> None:
        filename = f"{self._schedule_filename}-{name}"
        self._shelves.disk.pop(filename, None)
        if not self._owner[name].on_disk:
            return
        path = Path(filename)
        # A dbm file has one or more suffixes, depending on the library that Python found.
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()

    def _member(self, members: dict[str, Any], name: str | None, kind: str) -> Any:
        if name is None and len(members) == 1:
            return next(iter(members.values()))
        if name is None or name not in members:
            # In a task, which could catch it or fail by it, it is the test's too.
            self._refuse(BadUseError(f"{_which(kind, name, members)}; running: {', '.join(members) or 'none'}"))
        return members[name]

    def _close(self) -> None:
        with ExitStack() as stack:  # one that fails to stop keeps no other running
            stack.callback(self.workers.clear)
            stack.callback(self.beats.clear)
            stack.callback(self._switch_off)
            for worker in self.workers.values():
                stack.callback(worker.kill)
            for beat in self.beats.values():
                stack.callback(beat.stop)

    def _switch_off(self) -> None:
        for strand in list(self.strands.waiting):
            self.strands.kill(strand, "at the end of the cluster")


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
