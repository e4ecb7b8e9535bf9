"""The environment of the other side: this one with one requirement changed, a ready one, or this one.

A changed requirement is a layer: a folder that comes before the installed packages on the module path. It is true,
because pip itself says in this environment what it would install (`--dry-run`), and only that goes into the layer. It
is quick: a layer for another Celery takes seconds, and a virtual environment of the whole frozen set minutes. What a
layer cannot do is take a module away that only the installed release has.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from .errors import CannotCheckError

# How many lines of another program's output are shown.
TAIL = 15


@dataclass(frozen=True)
class Environment:
    """How a side is started: the interpreter, and what comes before the installed packages on the module path."""

    python: str
    path: tuple[str, ...] = ()
    # Where Python looks for zones: None as it is.
    zones: str | None = None


HERE = Environment(sys.executable)


def requirement(wanted: str) -> Requirement | None:
    """Return `name==version` as a requirement; None where it is not written as a requirement."""
    if not re.search(r"[=<>~!]=|[<>]", wanted):
        return None
    try:
        found = Requirement(wanted)
    except InvalidRequirement as error:
        raise CannotCheckError(f"--against {wanted!r} is no requirement: write name==version") from error
    specifiers = list(found.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith("*"):
        raise CannotCheckError(f"--against {wanted!r} does not name one release: write {found.name}==VERSION")
    return found


def environment(wanted: Requirement, cache: Path, python: str | None) -> Environment:
    """Return the environment in which a requirement holds; make it where it is not in the cache.

    Raises CannotCheckError where pip fails.
    """
    # Python prefers the system's zones to the package. To compare the package, only that is read.
    zones = "" if wanted.name.lower() == "tzdata" else None
    if python is not None:
        if shutil.which(python) is None:
            raise CannotCheckError(f"--python {python} is no program: give the path of a Python interpreter")
        return Environment(str(Path(python).absolute()) if os.sep in python else python, (), zones)
    return Environment(sys.executable, (str(_layer(wanted, cache)),), zones)


def tail(output: str) -> str:
    """Return the last lines of what a program has printed, indented."""
    return "\n".join(f"    {line}" for line in output.strip().splitlines()[-TAIL:])


def _layer(wanted: Requirement, cache: Path) -> Path:
    """Return the folder of a requirement's layer. Its name holds what pip decides by."""
    installed = sorted({f"{each.metadata['Name']}=={each.version}" for each in distributions()})
    digest = hashlib.sha256("\n".join([sys.version, sys.prefix, str(wanted), *installed]).encode()).hexdigest()[:16]
    folder = cache / f"{re.sub(r'[^A-Za-z0-9.]+', '-', str(wanted))}-{digest}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-") as made:
        layer = Path(made) / "layer"
        layer.mkdir()
        report = Path(made) / "report.json"
        _pip("install", "--dry-run", "--quiet", "--report", str(report), str(wanted))
        changed = [each["metadata"] for each in json.loads(report.read_text("utf-8"))["install"]]
        if changed:
            pins = [f"{each['name']}=={each['version']}" for each in changed]
            _pip("install", "--quiet", "--no-deps", "--target", str(layer), *pins)
        try:
            layer.rename(folder)
        except OSError:
            # Another process has made the same layer.
            if not folder.is_dir():
                raise
    return folder


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check", "--no-input"]
    # The words are ours, and the requirement is one that `packaging` has read.
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # noqa: S603
    if done.returncode:
        shown = " ".join(["pip", *arguments])
        raise CannotCheckError(
            f"the environment cannot be made: `{shown}` ended with {done.returncode}. Its last lines:\n"
            f"{tail(done.stdout)}\n"
            "To compare with an environment that is ready, add --python PATH"
        )
