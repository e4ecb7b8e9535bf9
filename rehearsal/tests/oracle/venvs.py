"""A virtual environment for each Celery, made when first asked for and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Every release that the kit supports. Each has a truth of its own.
RELEASES = ("5.5.2", "5.5.3", "5.6.0", "5.6.1", "5.6.2", "5.6.3", "5.7.0")

# What the kit and the schedules need besides Celery.
NEEDED = (
    "ephem>=4.1.4",
    "fakeredis[lua]>=2.41",
    "freezegun>=1.5.5",
    "hypothesis>=6.150",
    "pytest>=9",
    "time-machine>=2.16",
    "tzdata>=2025.2",
)


def python(release: str, folder: Path) -> Path:
    """The interpreter of an environment in `folder` that has this release of Celery."""
    home = folder / release
    interpreter = home / "bin" / "python"
    if not (home / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [str(interpreter), "-m", "pip", "install", "-q", f"celery[redis]=={release}", *NEEDED], check=True
        )
        (home / "complete").touch()
    return interpreter
