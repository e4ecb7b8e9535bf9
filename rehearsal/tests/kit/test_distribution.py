"""The folder, copied into an empty directory, builds, installs and passes its tests: it can be a repository any day.

Each test needs hatchling; those that install need an index of packages too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2]
pytestmark = pytest.mark.processes

# Prints what Celery brings, and then what else there is.
BROUGHT = """
import re, sys
from importlib.metadata import distribution, distributions

def needs(name, seen):
    if name not in seen:
        seen.add(name)
        for line in distribution(name).requires or []:
            needed, _, marker = line.partition(";")
            if "extra" not in marker:
                try:
                    needs(re.match(r"[\\w.-]+", needed)[0].lower().replace("_", "-"), seen)
                except ModuleNotFoundError:
                    pass  # for another system or another Python
    return seen

found = {one.name.lower().replace("_", "-") for one in distributions()}
print(*sorted(found - needs("celery", set()) - {"pip", "setuptools"}))
"""

# What the metadata name, extras included.
REQUIRED = {"celery", "fakeredis", "greenlet", "hypothesis", "libcst", "packaging", "redis", "time-machine", "tomli"}

# A few seconds of the kit's tests that need no extra.
SAMPLE = ["tests/kit/test_assertions.py", "tests/kit/test_bad_use.py", "tests/kit/test_plugin.py"]


def run(*command: str, folder: Path) -> str:
    """What the command prints. Fails the test where the command fails."""
    unwanted = ("PYTEST", "PYTHON", "DJANGO", "COVERAGE", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an sdist and a wheel, built from a copy of the folder that has nothing around it."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    ignored = shutil.ignore_patterns("__pycache__", "dist", ".*")
    copy = shutil.copytree(FOLDER, tmp_path_factory.mktemp("empty") / "kit", ignore=ignored)
    run(sys.executable, "-m", "hatchling", "build", folder=copy)
    return copy / "dist"


def new_environment(home: Path) -> str:
    """The interpreter of a new virtual environment with nothing in it. Skips where no index of packages answers."""
    run(sys.executable, "-m", "venv", str(home), folder=home.parent)
    python = str(home / "bin" / "python")
    index = subprocess.run([python, "-m", "pip", "download", "-q", "--no-deps", "packaging"], cwd=home, check=False)
    if index.returncode:
        pytest.skip("no index of packages answers")
    return python


def test_the_wheel_has_the_package_and_no_other_module(built: Path) -> None:
    """Types included; and the two entry points are what pytest and Celery ask for."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
        (entries,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
    assert {name.partition("/")[0] for name in names} == {"celery_rehearsal", info}
    assert {"celery_rehearsal/py.typed", f"{info}/licenses/LICENSE"} <= set(names)
    # All of them are on PyPI: a stranger can register a name that is not.
    assert set(re.findall(r"^Requires-Dist: ([\w-]+)", metadata, flags=re.MULTILINE)) == REQUIRED
    groups = {line for line in entries.splitlines() if line.startswith("[")}
    assert groups == {"[celery.commands]", "[console_scripts]", "[pytest11]"}


def test_the_sdist_has_tests_documents_and_licence(built: Path) -> None:
    """A packager can test it."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "AGENTS.md", "SKILL.md"}
    wanted |= {"docs/first-test.md", "docs/celery-releases.md"}
    assert {*wanted, "tests/kit/test_distribution.py", "tests/scenarios/cases/acks.py"} <= names


def test_the_sdist_installs_and_passes_its_tests_in_an_empty_environment(built: Path, tmp_path: Path) -> None:
    """It brings Celery and what Celery needs, a clock, greenlet and packaging; pytest is all that its tests add."""
    python = new_environment(tmp_path / "venv")
    (sdist,) = built.glob("*.tar.gz")
    run(python, "-m", "pip", "install", "-q", str(sdist), folder=tmp_path)
    assert run(python, "-c", BROUGHT, folder=tmp_path).split() == [
        "celery-rehearsal",
        "greenlet",
        "packaging",
        "time-machine",
    ]
    assert "0 of" in run(str(tmp_path / "venv" / "bin" / "celery"), "rehearsal", "seams", folder=tmp_path)
    run(python, "-m", "pip", "install", "-q", "pytest", folder=tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    shutil.rmtree(source / "src")  # what is installed is tested
    assert " passed" in run(python, "-m", "pytest", "-q", *SAMPLE, folder=source)


@pytest.mark.parametrize(
    "others",
    [
        ["kombu>=5.6,<5.7", "redis<6.5"],
        ["celery==5.5.2"],
        ["celery==5.7.0", "redis>=8"],
    ],
    ids=" ".join,
)
def test_the_extras_resolve_together_with(built: Path, tmp_path: Path, others: list[str]) -> None:
    """A project that holds back kombu, redis-py, Celery or pytest can install the kit with both extras."""
    python = new_environment(tmp_path / "venv")
    (wheel,) = built.glob("*.whl")
    kit = f"celery-rehearsal[redis,hypothesis] @ {wheel.as_uri()}"
    # pip of a new environment can be too old to try without an installation.
    run(python, "-m", "pip", "install", "-q", "pip>=23.1", folder=tmp_path)
    printed = run(python, "-m", "pip", "install", "--dry-run", kit, *others, folder=tmp_path)
    assert "Would install" in printed
