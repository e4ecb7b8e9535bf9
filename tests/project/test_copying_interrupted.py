"""What is left of a copy that cannot be finished, and how the program ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from .copies import TESTS, copy, start_project, tree

# The program, which kills itself when it moves a folder for the {n}-th time.
KILLED = """
import os, pathlib, sys
from refunds import __main__
rename, moves = pathlib.Path.rename, []
def killed(*arguments):
    moves.append(arguments)
    return os._exit(9) if len(moves) == {n} else rename(*arguments)
pathlib.Path.rename = killed
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


@pytest.mark.parametrize(("n", "left"), [(1, []), (2, ["returns"])], ids=["before any move", "between the moves"])
def test_next_copy_names_what_a_killed_one_left(tmp_path: Path, n: int, left: list[str]) -> None:
    """After a kill, the next copy names each folder to remove; without these it succeeds."""
    target = start_project(tmp_path / "project")
    before = tree(target)
    done = program(tmp_path, "-c", KILLED.format(n=n, target=str(target), tests=str(TESTS)))
    assert done.returncode == 9, done.stderr
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


def test_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk removes what was written until then, and says so in one line."""
    target = start_project(tmp_path / "project")
    before = tree(target)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(CommandError, match=r"cannot write the copy: .*No space left on device\. Nothing was left"):
        copy(target, "--label", "returns")
    assert tree(target) == before
    assert not (target / ".returns-copying").exists()
