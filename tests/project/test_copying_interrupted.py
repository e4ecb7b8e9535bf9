"""What is left of a copy that cannot be finished, and how the program ends."""

import itertools
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from .copies import TESTS, copy, start_project, tree
from .production import python, refunds

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


# A database that does not exist: the command needs none.
NOTHING = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "CELERY_BROKER_URL": "memory://"}
NOTHING["DJANGO_SETTINGS_MODULE"] = "refunds.project.settings"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the folder of a fresh project."""
    return start_project(tmp_path / "project")


def test_command_needs_no_database_and_refuses_in_one_line(target: Path) -> None:
    """It succeeds where no database answers. Of a refusal a person reads one line, and a script the status 1."""
    words = ("copy", str(target), "--without-tests", "--label")
    done = refunds(target, *words, "class", environment=NOTHING, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("CommandError: --label 'class': choose a lower-case Python identifier")
    assert refunds(target, *words, "returns", environment=NOTHING).stderr == ""
    assert (target / "returns" / "models.py").is_file()


@pytest.mark.parametrize(
    ("method", "n", "left"),
    [("write_bytes", 100, []), ("rename", 1, []), ("rename", 2, ["returns"])],
    ids=["among the files", "before any move", "between the moves"],
)
def test_next_copy_names_what_a_killed_one_left(target: Path, method: str, n: int, left: list[str]) -> None:
    """After a kill, the next copy names each folder to remove; without these it succeeds."""
    before = tree(target)
    code = KILLED.format(method=method, n=n, target=str(target), tests=str(TESTS))
    done = python(target, "-c", code, environment=NOTHING, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    leftovers = [target / ".returns-copying", *(target / name for name in left)]
    with pytest.raises(CommandError) as refused:
        copy(target, "--label", "returns")
    named = " and ".join(map(str, leftovers))
    assert str(refused.value) == f"an earlier copy was interrupted: remove {named}, then copy again"
    kept = {name for name in tree(target) if not name.startswith((".returns-copying", *left))}
    assert kept == set(before)
    for folder in leftovers:
        shutil.rmtree(folder)
    copy(target, "--label", "returns")


@pytest.mark.parametrize(("method", "n"), [("mkdir", 3), ("write_bytes", 100), ("rename", 2)])
def test_failed_write_leaves_nothing(target: Path, monkeypatch: pytest.MonkeyPatch, method: str, n: int) -> None:
    """A full disk removes what was written and moved until then, and says so in one line."""
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
