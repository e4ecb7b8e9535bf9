"""docs/preflight/against.md and ci.md: each command does what the page says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import celery_rehearsal
import pytest

from .programs import CELERY, preflight
from .test_against import SHOP, git, repository, shop

FOLDER = Path(__file__).parents[2] / "docs" / "preflight"


# The schedule names a task that these workers do not have.
WRONG = SHOP + '\n@app.task(name="shop.other")\ndef other(): ...\n'
RIGHT = WRONG.replace("shop.other", "shop.report")


def blocks(page: str, language: str) -> list[str]:
    """A page's blocks of a language."""
    text = (FOLDER / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def snippets() -> list[Any]:
    """What the YAML of ci.md says."""
    yaml = pytest.importorskip("yaml")
    return [yaml.safe_load(block) for block in blocks("ci.md", "yaml")]


@pytest.mark.processes
def test_each_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    """With the application of the page."""
    (source,) = blocks("against.md", "python")
    shop(tmp_path, source)
    parts = [part.partition("\n") for block in blocks("against.md", "console") for part in block.split("$ ")[1:]]
    assert len(parts) == 2
    for command, _, output in parts:
        celery, option, name, word, *arguments = shlex.split(command)
        assert (celery, option, name, word) == ("celery", "-A", "shop", "preflight")
        done = preflight(tmp_path, "shop", *arguments, "--cache", str(tmp_path / "cache"))
        assert (done.stdout, done.stderr, done.returncode) == (output, "", 1)


def run(script: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run lines of a shell, with `celery` on PATH, in the folder of the shop."""
    programs = folder / ".bin"
    programs.mkdir(exist_ok=True)
    (programs / "program.py").write_text(CELERY)
    celery = programs / "celery"
    celery.write_text(f'#!/bin/sh\nexec {sys.executable} {programs / "program.py"} "$@"\n')
    celery.chmod(0o755)
    unwanted = ("PYTEST", "DJANGO", "COVERAGE", "COV_", "CELERY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    added = [str(folder), str(Path(celery_rehearsal.__file__).parents[1]), environment.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, added)), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PATH": f"{programs}{os.pathsep}{environment['PATH']}", **settings}
    return subprocess.run(
        ["bash", "-e", "-c", script.replace("-A proj", "-A shop")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.processes
def test_hook_of_pre_commit_passes_and_fails(tmp_path: Path) -> None:
    """It fails where an entry names no task."""
    (hook,) = snippets()[0]["repos"][0]["hooks"]
    assert (hook["language"], hook["pass_filenames"]) == ("system", False)
    shop(tmp_path, WRONG)
    assert run(hook["entry"], tmp_path).returncode == 1
    shop(tmp_path, RIGHT)
    done = run(hook["entry"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.processes
def test_action_shows_what_a_pull_request_moves(tmp_path: Path) -> None:
    """Its second step writes a table into the summary, and passes."""
    action = snippets()[1]
    assert action["runs"]["using"] == "composite"
    check, moves = action["runs"]["steps"]
    origin, clone, summary = tmp_path / "origin", tmp_path / "clone", tmp_path / "summary.md"
    origin.mkdir()
    repository(origin)
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    shop(clone, WRONG.replace("hour=18", "hour=17"))
    done = run(check["run"], clone)
    assert (done.returncode, done.stdout.startswith("::error ")) == (1, True), done.stderr
    branch = git(origin, "rev-parse", "--abbrev-ref", "HEAD")
    done = run(moves["run"], clone, GITHUB_BASE_REF=branch, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stderr
    assert "| report | `crontab 0 17 * * * instead of crontab 0 18 * * *` | -1 h |" in summary.read_text("utf-8")


@pytest.mark.processes
def test_job_of_gitlab_writes_its_report(tmp_path: Path) -> None:
    """The artefact is the file that the script writes."""
    job = snippets()[-1]["preflight"]
    shop(tmp_path, WRONG)
    done = run("\n".join(job["script"]), tmp_path)
    assert done.returncode == 1, done.stderr
    assert (tmp_path / job["artifacts"]["reports"]["codequality"]).read_text("utf-8").startswith("[")


def test_step_for_a_release_has_options_that_exist() -> None:
    """It is the command of against.md, into the summary."""
    (step,) = snippets()[2]
    assert step["run"].startswith("celery -A proj preflight --against celery==5.6.3 --format github >> ")
