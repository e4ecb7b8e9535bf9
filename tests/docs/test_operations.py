"""What docs/operations.md says to run can be run, and its two ways to run it say the same."""

import configparser
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from ..project.production import OPERATIONS, documented
from ..project.running import LONG, ROOT

pytestmark = pytest.mark.processes

WORKERS = ("decisions", "payments", "mail", "reconciling")


def block(language: str) -> str:
    """The first block of a language on the page."""
    found = re.search(rf"^```{language}\n(.*?)^```$", OPERATIONS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def procfile() -> dict[str, list[str]]:
    """The commands of the Procfile, by their names."""
    lines = (line.split(": ", 1) for line in block("procfile").splitlines())
    return {name: shlex.split(command) for name, command in lines}


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """A command of the page as its program's module, so that it is this Python's, with the documented environment."""
    environment = documented() | {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment | {"DJANGO_STATIC_ROOT": str(folder)},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


@pytest.mark.parametrize("name", [*WORKERS, "beat"])
def test_celerys_commands_have_options_that_celery_knows(tmp_path: Path, name: str) -> None:
    """Each command with --help at its end is understood; a misspelt option is not."""
    command = procfile()[name]
    assert run(tmp_path, *command, "--help").returncode == 0
    assert "No such option" in run(tmp_path, *command, "--misspelt", "--help").stderr


def test_flowers_options_are_flowers(tmp_path: Path) -> None:
    """Flower takes what it does not know in silence, so its options are looked up."""
    pytest.importorskip("flower", reason="flower is not installed")
    command = procfile()["flower"]
    code = "import flower.options, tornado.options, sys; print(*tornado.options.options, sep='\\n')"
    known = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {option.removeprefix("--").partition("=")[0] for option in command if option.startswith("--")} <= set(known)
    assert run(tmp_path, *command, "--help").returncode == 0


def test_the_web_server_can_load_the_project(tmp_path: Path) -> None:
    """gunicorn checks its options and imports the application with the documented environment."""
    pytest.importorskip("gunicorn", reason="refunds[web] is not installed")
    done = run(tmp_path, *procfile()["web"], "--check-config")
    assert done.returncode == 0, done.stderr


def test_each_queue_has_its_worker() -> None:
    """The four queues are read, each by one worker, whose name it has."""
    commands = procfile()
    assert {queue.name for queue in settings.CELERY_TASK_QUEUES} == set(WORKERS)
    for name in WORKERS:
        options = dict(zip(commands[name], commands[name][1:], strict=False))
        assert (options["--queues"], options["--hostname"]) == (name, f"{name}@%h")


def test_systemd_runs_the_same_and_waits_long_enough() -> None:
    """The unit's command is the Procfile's; a stop reaches the main process alone and outlasts the longest task."""
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read_string(block("ini"))
    service = unit["Service"]
    command = shlex.split(service["ExecStart"].replace("%i", "mail").replace("%%", "%"))
    assert ["celery", *command[1:]] == procfile()["mail"]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > settings.CELERY_TASK_TIME_LIMIT
