"""What other processes have spent, as Linux's /proc says it, and a Celery worker as a process."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .measure import Real

# Seconds between looks at something that is not there yet.
LOOK = 0.1
# The same for what is about to be there.
GLANCE = 0.005
CELERY = (sys.executable, "-m", "celery", "--quiet", "-A", "celery_app")
# The worker's name unless it is told another: asked by it, Celery waits for one answer and not for all there may be.
NODE = f"celery@{socket.gethostname()}"
# The fields of /proc/PID/stat behind the name, from 0: its parent; clock ticks of its own and of its dead children.
PARENT, TICKS = 1, slice(11, 15)


def parent(pid: int) -> int:
    """The process that started it. Raises FileNotFoundError where there is no such process here."""
    return int(_stat(pid)[PARENT])


def cpu(pid: int) -> float:
    """Seconds of processor that a process, its children and their children have spent, the dead ones included."""
    below = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since, and is its parent's dead child
                below += cpu(int(child))
    return below + sum(map(int, _stat(pid)[TICKS])) / os.sysconf("SC_CLK_TCK")


def peak(pid: int) -> float:
    """The most memory that a process has held so far, in MiB."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"process {pid} has ended")
    return int(found[1]) / 2**10


def _stat(pid: int) -> list[str]:
    # The name is in brackets, and may have brackets and spaces in it.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


class Worker:
    """A running Celery worker."""

    def __init__(self, process: "subprocess.Popen[bytes]", environment: Mapping[str, str]) -> None:
        self._process, self._environment = process, environment

    def check(self) -> None:
        """Raises RuntimeError where it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(
                f"the worker ended with exit status {self._process.returncode}; its last lines are above"
            )

    @property
    def cpu(self) -> float:
        """Seconds of processor so far, its children's included. Raises RuntimeError where it has ended."""
        self.check()
        return cpu(self._process.pid)

    def wait(self, done: Callable[[], object]) -> float:
        """Look until something is done, and return the seconds from now until then. Raises RuntimeError.

        The looks are seldom enough to cost what is measured nothing, and often enough to be exact to a hundredth.
        """
        began = Real.clock()
        while not done():
            self.check()
            time.sleep(max(GLANCE, (Real.clock() - began) / 200))
        return Real.clock() - began

    @property
    def peak(self) -> float:
        """The most memory that the worker or one of its children has held so far, in MiB."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return max(peak(each) for each in (pid, *map(int, children)))

    def messages(self) -> int | None:
        """How many it has run, or None where it does not answer yet."""
        asked = subprocess.run(
            [*CELERY, "inspect", "stats", "--json", "--timeout", "2", "--destination", NODE],
            check=False,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if asked.returncode:
            return None
        (answer,) = json.loads(asked.stdout).values()
        return int(sum(answer["total"].values()))


@contextmanager
def worker(
    environment: Mapping[str, str], children: int, *queues: str, options: Sequence[str] = ()
) -> Iterator[Worker]:
    """A worker of so many children, from its first answer on; ended as one is in earnest, by SIGTERM.

    On all queues, or on those that are named; tuned where the environment says so (benchmarks.tuned). Of an option that
    is given twice the command takes the last.
    """
    tuned = ("--app", "benchmarks.tuned") if "REFUNDS_BENCH_TUNED" in environment else ()
    # It is asked for its counts.
    environment = {**environment, "CELERY_WORKER_ENABLE_REMOTE_CONTROL": "1"}
    command = [*CELERY, *tuned, "worker", "--concurrency", str(children), "--loglevel", "warning", *options]
    if queues:
        command += ["--queues", ",".join(queues)]
    with subprocess.Popen(command, env=environment) as process:
        try:
            started = Worker(process, environment)
            while started.messages() is None:
                started.check()
                time.sleep(LOOK)
            yield started
        finally:
            process.terminate()
