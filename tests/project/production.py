"""The default project as a deployment sets it: a process for each environment."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .running import CHECKOUT, LONG, clean

OPERATIONS = CHECKOUT / "docs" / "operations.md"
# Long and random enough for Django's check.
KEY = "k3y-of-these-tests-0123456789-abcdefghijklmnopqrstuvwxyz"


def documented() -> dict[str, str]:
    """Return the variables of the block in docs/operations.md that is the environment file, `<…>` filled in."""
    (block,) = re.findall(r"^```sh\n# /etc/refunds/environment\n(.*?)^```$", OPERATIONS.read_text("utf-8"), re.M | re.S)
    lines = [line for line in block.splitlines() if line and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines)
    return {name: value.replace("<key>", KEY).replace("<password>", "p4ss") for name, value in variables.items()}


def python(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = LONG,
) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder, with nothing of the caller's settings. Raises CalledProcessError."""
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": check, "timeout": timeout}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=clean(environment or {}), **options)  # noqa: PLW1510  # `options` has it


def refunds(folder: Path, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `python -m refunds` in a folder; see `python`."""
    return python(folder, "-m", "refunds", *arguments, **options)


def setting(folder: Path, expression: str, **environment: str) -> Any:
    """Return what an expression of the default project's `settings` is in this environment."""
    code = f"import json; from refunds.project import settings; print(json.dumps({expression}, default=repr))"
    return json.loads(python(folder, "-c", code, environment=environment).stdout)
