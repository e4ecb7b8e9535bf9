"""What is left of a copy that cannot be finished, and how the program ends."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from .copies import TESTS, copy, start_project, tree

# The program, which kills itself when it calls the method for the {n}-th time.
KILLED = """
import os, pathlib, signal, sys
from refunds import __main__
method, calls = pathlib.Path.{method}, []
def killed(*arguments):
    calls.append(arguments)
    if len(calls) == {n}:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(*arguments)
pathlib.Path.{method} = killed
sys.argv[1:] = ["copy", {target!r}, "--label", "returns", "--tests", {tests!r}]
__main__.main()
"""


def program(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Python, on a database that does not exist."""
    url = "postgres://nobody@127.0.0.1:1/nothing"
    # The rest of the path is the suite's own: the clone's or the installed package.
    path = os.pathsep.join(filter(None, sys.path))
    environment = os.environ | {"DATABASE_URL": url, "CELERY_BROKER_URL": "memory://", "PYTHONPATH": path}
    environment["DJANGO_SETTINGS_MODULE"] = "refunds.project.settings"
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_command_needs_no_database(tmp_path: Path) -> None:
    """It succeeds where no database answers."""
    target = start_project(tmp_path / "project")
    done = program(tmp_path, "-m", "refunds", "copy", str(target), "--label", "returns", "--without-tests")
    assert (done.returncode, done.stderr) == (0, "")
    assert (target / "returns" / "models.py").is_file()


def test_refusal_is_one_line_and_a_status(tmp_path: Path) -> None:
    """A person reads one line on standard error; a script reads the status 1."""
    target = start_project(tmp_path / "project")
    done = program(tmp_path, "-m", "refunds", "copy", str(target), "--label", "class", "--without-tests")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("CommandError: --label 'class': choose a lower-case Python identifier")


@pytest.mark.parametrize(
    ("method", "n", "left"),
    [("write_bytes", 100, []), ("rename", 1, []), ("rename", 2, ["returns"])],
    ids=["among the files", "before any move", "between the moves"],
)
def test_next_copy_names_what_a_killed_one_left(tmp_path: Path, method: str, n: int, left: list[str]) -> None:
    """After a kill, the next copy names each folder to remove; without these it succeeds."""
    target = start_project(tmp_path / "project")
    before = tree(target)
    done = program(tmp_path, "-c", KILLED.format(method=method, n=n, target=str(target), tests=str(TESTS)))
    assert done.returncode == -signal.SIGKILL, done.stderr
    leftovers = [target / ".returns-copying", *(target / name for name in left)]
    with pytest.raises(CommandError) as refused:
        copy(target, "--label", "returns")
    named = " and ".join(map(str, leftovers))
    assert str(refused.value) == f"an earlier copy was interrupted: remove {named}, then copy again"
    kept = {name for name in tree(target) if not name.startswith((".returns-copying", *left))}
    assert kept == set(before)
    for folder in leftovers:
        subprocess.run(["rm", "-r", folder], check=True)
    copy(target, "--label", "returns")


@pytest.mark.parametrize(("method", "n"), [("mkdir", 3), ("write_bytes", 100), ("rename", 2)])
def test_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, n: int) -> None:
    """A full disk removes what was written and moved until then, and says so in one line."""
    target = start_project(tmp_path / "project")
    before = tree(target)
    usual, calls = getattr(Path, method), itertools.count(1)

    def full(*arguments: Any, **options: Any) -> Any:
        if next(calls) >= n:
            raise OSError(28, "No space left on device")
        return usual(*arguments, **options)

    monkeypatch.setattr(Path, method, full)
    with pytest.raises(CommandError, match=r"cannot write the copy: .*No space left on device\. Nothing was left"):
        copy(target, "--label", "returns")
    assert tree(target) == before
    assert sorted(path.name for path in target.iterdir()) == ["manage.py", "shop"]
