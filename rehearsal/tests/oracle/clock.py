"""Run a program under the clock of `preload.c`: it takes what its code takes, whatever it waits for."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TESTS = Path(__file__).parents[1]
KIT = TESTS.parent / "src"

# Real seconds for what should take some ten: a limit for a hang, not a measure.
PATIENCE = 300


def reason_to_skip() -> str:
    """Why no program can run under the clock on this machine; an empty string if it can."""
    if sys.platform != "linux":
        return "the clock is a library for LD_PRELOAD of Linux"
    return "" if shutil.which("cc") else "no C compiler: the clock is compiled by cc"


@functools.cache
def library() -> Path:
    """Compile the clock once per process, and return where the library is."""
    built = Path(tempfile.mkdtemp(prefix="oracle-")) / "clock.so"
    source = Path(__file__).with_name("preload.c")
    options = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["cc", *options, "-o", str(built), str(source), "-ldl"], check=True)
    return built


@dataclass(frozen=True)
class Step:
    """Somebody sets the wall clock: so many seconds `after` the start, `by` so many seconds."""

    after: int
    by: int

    def __str__(self) -> str:
        return f"set by {self.by:+d} s after {self.after} s"


def preloaded(start: int, end: int, step: Step | None = None) -> dict[str, str]:
    """Variables of a process whose clock stands while code runs. `start` and `end` are seconds since 1970.

    A step moves the instants that the program sees, not its end.
    """
    stepped = {"ORACLE_STEP_AT": str(step.after), "ORACLE_STEP_BY": str(step.by)} if step else {}
    return {"LD_PRELOAD": str(library()), "ORACLE_START": str(start), "ORACLE_END": str(end)} | stepped


def run(words: Sequence[str], variables: Mapping[str, str]) -> None:
    """Run `python words...` until it ends. Raises AssertionError with its output if it ends badly or never."""
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    path = os.pathsep.join([str(TESTS), str(KIT), inherited.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [sys.executable, *words],
        env=inherited | {"PYTHONPATH": path, "TZ": "UTC"} | dict(variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert finished.returncode == 0, f"{words} ended with {finished.returncode}:\n{finished.stderr}"
