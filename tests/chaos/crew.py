"""Real processes for tests, of Celery and of the pages: started, killed, stopped, and listened to."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from refunds.project.embedded.lifeline import READY

# Children of each worker's pool.
CHILDREN = 2
# What a worker says that finds a child of its pool dead when it begins to serve (celery/worker/loops.py, 5.7.0).
NO_POOL = "Could not start worker processes"
# Lines of a log that are shown where its process has exited unasked.
LAST_LINES = 30


class Crew:
    """Processes of one Celery app, running while it is entered; each writes to a file in `folder`.

    They end with this process, however it ends.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], app: str) -> None:
        self._folder = folder
        self._environment = environment
        self._celery = ("--quiet", "-A", app)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        # What a process is started with again.
        self._arguments: dict[str, Sequence[str]] = {}
        # How many of each kind were killed or stopped, or exited unasked.
        self.ended: Counter[str] = Counter()
        # Workers that have lost a child by our hand since their start.
        self._lost_children: set[str] = set()
        # Whether a process that exits unasked is started again, as a process manager does.
        self.managed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for name in list(self.running):
            self._end(name)

    def start_worker(self, name: str, *options: str) -> None:
        """Start a worker with a pool of two children."""
        pool = ("--pool", "prefork", "--concurrency", str(CHILDREN))
        # Gossip, mingle and heartbeats are for workers that have something to tell each other.
        alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        program = ("worker", *self._celery, "worker", "--hostname", f"{name}@crew", *pool, *alone)
        self._start(name, (*program, "--loglevel", "warning", *options))

    def start_beat(self, name: str, *options: str) -> None:
        """Start a beat; one that is started again finds the schedule file of the one before."""
        own = ("--schedule", str(self._folder / name), "--pidfile", "", "--loglevel", "warning")
        self._start(name, ("beat", *self._celery, "beat", *own, *options))

    def start_web(self, name: str, port: int) -> None:
        """Start the pages on a port of this machine."""
        self._start(name, ("web", "--noreload", "--insecure", "--skip-checks", f"127.0.0.1:{port}"))

    def start_again(self, name: str) -> None:
        """Start what had this name as it was started before."""
        self._start(name, self._arguments[name])

    def kill(self, name: str) -> None:
        """SIGKILL for a process and all its children."""
        self._end(name)
        self.ended[f"{_kind(name)}s killed"] += 1

    def kill_child(self, name: str, choose: Callable[[Sequence[int]], int]) -> bool:
        """SIGKILL for one child of a worker's pool, as the kernel does for memory; whether there was one."""
        if children := _children(self.running[name].pid):
            os.kill(choose(children), signal.SIGKILL)
            self.ended["children killed"] += 1
            self._lost_children.add(name)
        return bool(children)

    @contextlib.contextmanager
    def standing_still(self, kind: str) -> Iterator[None]:
        """Stop all processes of a kind, with their children, for the block: SIGSTOP, and SIGCONT at the end."""
        groups = [process.pid for name, process in self.running.items() if _kind(name) == kind]
        try:
            for group in groups:
                os.killpg(group, signal.SIGSTOP)
            yield
        finally:
            for group in groups:
                os.killpg(group, signal.SIGCONT)

    def stop(self, name: str, by: signal.Signals, within: float) -> bool:
        """Ask a process to end: SIGTERM after the tasks that it runs, SIGQUIT at once; whether it did so in time.

        After so many seconds it is killed, as a process manager does.
        """
        process = self.running[name]
        process.send_signal(by)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within)
        ended = process.poll() is not None
        self._end(name)
        self.ended[f"{_kind(name)}s {'stopped by' if ended else 'that did not end by'} {by.name}"] += 1
        return ended

    def ready(self, name: str) -> bool:
        """Whether it has said that it serves, since it was last started."""
        return READY in self.log(name).rpartition(_BEGINS)[2]

    def check(self) -> None:
        """Start again what has exited unasked; unless `managed`, raise RuntimeError with its last lines."""
        for name, process in list(self.running.items()):
            if (status := process.poll()) is not None:
                if self.managed or self._lost_a_child_at_its_start(name):
                    self._end(name)
                    self.start_again(name)
                    self.ended[f"{_kind(name)}s exited unasked"] += 1
                    continue
                lines = self.log(name).splitlines()[-LAST_LINES:]
                raise RuntimeError("\n".join([f"{name} exited unasked, with exit status {status}:", *lines]))

    def _lost_a_child_at_its_start(self, name: str) -> bool:
        """Whether our kill of a child ended it: Celery checks its pool once, just after it says that it is ready."""
        return name in self._lost_children and NO_POOL in self.log(name).rpartition(_BEGINS)[2]

    def unforeseen(self) -> Counter[str]:
        """What tasks raised that they should not have, and how often."""
        words = "\n".join(self.log(name) for name in self._arguments)
        return Counter(re.findall(r"raised unexpected: (\w+)", words))

    def log(self, name: str) -> str:
        """What a process has written, whichever had that name."""
        return self._file(name).read_text(errors="replace")

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        self._arguments[name] = arguments
        self._lost_children.discard(name)
        with self._file(name).open("ab") as log:
            log.write(f"{_BEGINS}\n".encode())
            log.flush()
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "refunds.project.embedded.lifeline", *arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,  # the lifeline
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # to be killed with all its children
            )

    def _end(self, name: str) -> None:
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):  # nobody is left of it
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _kind(name: str) -> str:
    """What a process is: worker1 is a worker."""
    return name.rstrip("0123456789")


# The first line of each start in a log.
_BEGINS = "tests.chaos.crew: begins"


def _children(pid: int) -> list[int]:
    """The children of a process, where the system says so in a file, as Linux does; none elsewhere."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in file.read_text().split()] if file.exists() else []
