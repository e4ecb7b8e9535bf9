"""The folder builds and installs alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2]
pytestmark = pytest.mark.processes

# Runs with the installed copy first on the path, and says what a stranger's Python finds.
FOUND = """
import sys; sys.path.insert(0, sys.argv[1])
from importlib.metadata import distribution
import celery_rehearsal
kit = distribution("celery-rehearsal")
(plugin,) = kit.entry_points.select(group="pytest11")
print(celery_rehearsal.__file__, celery_rehearsal.VirtualCelery.__name__, plugin.load().__name__)
print(kit.metadata["License-Expression"])
"""


def run(*command: str, folder: Path) -> str:
    """What the command prints. Fails the test where the command fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_copy_of_the_folder_builds_a_wheel_and_an_sdist(tmp_path: Path) -> None:
    """The folder needs nothing else. The wheel imports; the sdist has the tests, the documents and the licence."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    copy = shutil.copytree(FOLDER, tmp_path / "kit", ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "hatchling", "build", folder=copy)
    (wheel,) = (copy / "dist").glob("*.whl")
    installed = tmp_path / "installed"
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(installed))
    run(sys.executable, *pip, str(wheel), folder=tmp_path)
    package = installed / "celery_rehearsal"
    found = run(sys.executable, "-c", FOUND, str(installed), folder=tmp_path).split()
    assert found == [f"{package / '__init__.py'}", "VirtualCelery", "celery_rehearsal.plugin", "MIT"]
    assert (package / "py.typed").is_file()
    (sdist,) = (copy / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "LICENSE",
        "README.md",
        "AGENTS.md",
        "SKILL.md",
        "docs/first-test.md",
        "tests/kit/test_distribution.py",
    } <= names
