"""The processes of a storm: real workers and a real beat, and how they are killed."""

import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

APP = "tests.stripe.storm_app"
WORKERS = ("worker1", "worker2")
# Children of each worker's pool.
CHILDREN = 2
# Lines of a log that are shown where its process has ended by itself.
LAST_LINES = 30


class Crew:
    """Two workers and beat, running while it is entered; each writes to a file in `folder`.

    They end with this process, however it ends.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], draw: random.Random) -> None:
        self._folder = folder
        self._environment = environment
        self._draw = draw
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        # How many of what was killed.
        self.kills: Counter[str] = Counter()

    def __enter__(self) -> Self:
        for worker in WORKERS:
            self._start(worker)
        self._start("beat")
        return self

    def __exit__(self, *_exc: object) -> None:
        for name in list(self.running):
            self._kill(name)

    def kill_one(self) -> None:
        """Kill a worker with its children and start it again, or one child alone, as the kernel does for memory."""
        name = self._draw.choice(WORKERS)
        children = _children(self.running[name].pid)
        if children and self._draw.random() < 1 / 3:
            os.kill(self._draw.choice(children), signal.SIGKILL)
            self.kills["children"] += 1
        else:
            self._kill(name)
            self._start(name)
            self.kills["workers"] += 1

    def check(self) -> None:
        """Raises RuntimeError, with its last lines, where a process has ended by itself."""
        for name, process in self.running.items():
            if (status := process.poll()) is not None:
                lines = self._log(name).read_text(errors="replace").splitlines()[-LAST_LINES:]
                raise RuntimeError("\n".join([f"{name} ended by itself, with exit status {status}:", *lines]))

    def unforeseen(self) -> Counter[str]:
        """What tasks raised that they should not have, and how often."""
        words = "\n".join(self._log(name).read_text(errors="replace") for name in WORKERS)
        return Counter(re.findall(r"raised unexpected: (\w+)", words))

    def _start(self, name: str) -> None:
        own = self._beat() if name == "beat" else self._worker(name)
        with self._log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "refunds.embedded.lifeline", own[0], "--quiet", "-A", APP, *own],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,  # the lifeline
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # to be killed with all its children
            )

    def _beat(self) -> Sequence[str]:
        return ("beat", "--schedule", str(self._folder / "beat"), "--pidfile", "", "--loglevel", "warning")

    def _worker(self, name: str) -> Sequence[str]:
        pool = ("--pool", "prefork", "--concurrency", str(CHILDREN))
        # Gossip, mingle and heartbeats are for workers that have something to tell each other.
        alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        return ("worker", "--hostname", f"{name}@storm", *pool, *alone, "--loglevel", "warning")

    def _kill(self, name: str) -> None:
        process = self.running.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _children(pid: int) -> list[int]:
    """The children of a process, where the system says so in a file, as Linux does; none elsewhere."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in file.read_text().split()] if file.exists() else []
