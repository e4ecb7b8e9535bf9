"""The default project as a deployment sets it: a process for each environment."""

import os
import re
import subprocess
import sys
from pathlib import Path

from .running import LONG, ROOT

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
# Long and random enough for Django's check.
KEY = "k3y-of-these-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
OURS = ("CELERY_", "DATABASE", "DJANGO_", "REFUNDS_", "STRIPE_")


def documented() -> dict[str, str]:
    """The variables of the block in docs/operations.md that is the environment file, `<…>` filled in."""
    (block,) = re.findall(r"^```sh\n# /etc/refunds/environment\n(.*?)^```$", OPERATIONS.read_text("utf-8"), re.M | re.S)
    lines = [line for line in block.splitlines() if line and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines)
    return {name: value.replace("<key>", KEY).replace("<password>", "p4ss") for name, value in variables.items()}


def refunds(
    folder: Path, *arguments: str, environment: dict[str, str], check: bool = True
) -> "subprocess.CompletedProcess[str]":
    """`python -m refunds` in a folder, with nothing of the caller's settings. Raises CalledProcessError."""
    return python(folder, "-m", "refunds", *arguments, environment=environment, check=check)


def python(
    folder: Path, *arguments: str, environment: dict[str, str], check: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Python in a folder, with nothing of the caller's settings. Raises CalledProcessError."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean | {"PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=check,
    )
