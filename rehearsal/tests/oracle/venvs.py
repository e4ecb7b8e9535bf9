"""A virtual environment for each Celery, made when first asked for and kept while what is needed stays the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .clock import TESTS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

# Every release that the kit supports. Each has a truth of its own.
RELEASES = ("5.5.2", "5.5.3", "5.6.0", "5.6.1", "5.6.2", "5.6.3", "5.7.0")

# What the schedules need besides what the kit says that it needs.
SCHEDULES = ("ephem>=4.1.4", "tzdata>=2025.2")


def python(release: str, folder: Path) -> Path:
    """The interpreter of an environment in `folder` that has this release of Celery."""
    home = folder / release
    interpreter, complete = home / "bin" / "python", home / "complete"
    needed = _needed(release)
    if not complete.exists() or complete.read_text() != "\n".join(needed):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(interpreter), "-m", "pip", "install", "-q", *needed], check=True)
        complete.write_text("\n".join(needed))
    return interpreter


def _needed(release: str) -> list[str]:
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["project"]
    kit = [*project["dependencies"], *project["optional-dependencies"]["redis"]]
    return [f"celery[redis]=={release}", *kit, *SCHEDULES]
