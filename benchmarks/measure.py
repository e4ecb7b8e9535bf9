"""What the benchmarks share: a clock that nothing freezes, medians with their spread, peak memory, tables, children."""

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# ru_maxrss is in kibibytes on Linux, in bytes on macOS.
MAXRSS_UNIT = 2**20 if sys.platform == "darwin" else 2**10


class Real:
    """The real clocks; as attributes of a class they are out of the reach of a cluster, which patches modules."""

    clock = staticmethod(time.perf_counter)
    processor = staticmethod(time.process_time)


@dataclass(frozen=True)
class Times:
    """Seconds of several runs of the same thing."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    def percentile(self, percent: int) -> float:
        """The seconds that so many percent of the runs stayed within, as the nearest of the runs."""
        ranked = sorted(self.seconds)
        return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]

    def __str__(self) -> str:
        return f"{self.median:.2f} s ({min(self.seconds):.2f} to {max(self.seconds):.2f})"


def peak() -> float:
    """The most memory that this process has held so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: on Linux a child starts with what its parent had held.
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_UNIT


def python(database: Path, *arguments: str, capture: bool = False) -> str:
    """Run Python with this one's path, on a SQLite file; return what it printed, where that is captured.

    Raises CalledProcessError where it failed.
    """
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{database}",
        "CELERY_BROKER_URL": "memory://",
        "CELERY_RESULT_BACKEND": "cache+memory://",
        "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
        # What this process imports, the installed package before the checkout where it does so.
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    ended = subprocess.run(
        [sys.executable, "-P", *arguments],
        check=True,
        env=environment,
        stdout=subprocess.PIPE if capture else None,
        text=True,
    )
    return ended.stdout or ""
