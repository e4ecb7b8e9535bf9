"""What the documents say runs: from the package, and from a copy of its folder."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import celery_rehearsal
import pytest
from celery_rehearsal import extras, limits

FOLDER = Path(celery_rehearsal.__file__).parent
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ADOPTING = (ROOT / "docs" / "adopting.md").read_text("utf-8")

# The pages' apps are on Redis, and the README has a state machine.
needs_extras = pytest.mark.skipif(
    any(map(extras.missing, extras.EXTRAS)), reason="the pages' examples need the extras redis and hypothesis"
)

ORDERS = """
from celery import Celery
from celery.schedules import crontab

app = Celery("orders", broker="redis://broker.invalid/0")
app.conf.timezone = "Europe/Kyiv"
app.conf.beat_schedule = {"sweep": {"task": "sweep", "schedule": crontab(hour=18, minute=0)}}
charged = []

@app.task(name="charge", acks_late=True)
def charge(order):
    charged.append(order)

@app.task(name="sweep")
def sweep():
    pass
"""


def blocks(document: str, language: str) -> list[str]:
    """The document's code blocks of a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", document, flags=re.DOTALL | re.MULTILINE)
    return [dedent(body) for _indent, body in found]


def run(arguments: list[str], folder: Path, *, path: list[Path]) -> str:
    """What a Python process of its own prints, warnings being errors. Fails the test where it fails."""
    unwanted = ("PYTEST", "DJANGO", "COVERAGE", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    finished = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the kit in it, named otherwise, and nothing else of this project."""
    shutil.copytree(FOLDER, tmp_path / "vendored_kit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@needs_extras
def test_the_readme_runs_on_a_copy(copied: Path) -> None:
    """Its blocks run one after another, and print the timeline that it shows.

    They do so on a copied folder under another name; it imports nothing of this repository.
    """
    code = "\n".join(blocks(README, "python")).replace("celery_rehearsal", "vendored_kit")
    others = '("refunds", "celery_rehearsal")'
    check = f'import sys\nassert not [name for name in sys.modules if name.split(".")[0] in {others}]'
    (copied / "readme.py").write_text(f"{code}\n{check}\n")
    printed = run(["readme.py"], copied, path=[copied])
    (shown,) = blocks(README, "text")
    assert printed.startswith(shown)


@needs_extras
@pytest.mark.parametrize("copy", [False, True])
def test_the_adoption_page_runs(tmp_path: Path, copied: Path, copy: bool) -> None:
    """Its conftest.py and test pass on an app that has nothing to do with returns, with the plugin or a copy of it."""
    for code in blocks(ADOPTING, "python"):
        name = code.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(code)
    (tmp_path / "orders.py").write_text(ORDERS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    plugin = "vendored_kit.plugin" if copy else "celery_rehearsal.plugin"
    off = ["-p", "no:celery_rehearsal.plugin"] if copy else []
    printed = run(
        ["-m", "pytest", "-q", *off, "-p", plugin, "-p", "no:cacheprovider"],
        tmp_path,
        path=[tmp_path, *([copied] if copy else [FOLDER.parent])],
    )
    assert "1 passed" in printed


def test_the_table_of_what_is_not_simulated() -> None:
    """The README shows the very table that is enforced."""
    assert limits.as_markdown() in README


def test_the_table_of_arguments() -> None:
    """The README has each argument of VirtualCelery once, in the order of the signature, with its default."""
    table = README.partition("| argument | ")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    shown = [(name, row[-1].strip("| `")) for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    parameters = inspect.signature(celery_rehearsal.VirtualCelery).parameters.values()
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    assert shown == [(p.name, "" if p.default is p.empty else repr(p.default)) for p in named]


def test_the_adoption_page_is_one_screen() -> None:
    """A team adopts the kit from one screen."""
    assert len(ADOPTING.splitlines()) <= 60
