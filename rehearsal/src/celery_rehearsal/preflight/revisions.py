"""The application's code at another revision: a worktree of git in a temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .environments import tail
from .errors import CannotCheckError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Inside a hook of git, these name the repository and the index of the commit under way.
OF_A_HOOK = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}


@dataclass(frozen=True)
class Checkout:
    """A revision in a folder: where the command is run, the module path, and the working copy that it stands for."""

    folder: Path
    path: tuple[str, ...]
    working_copy: Path


@contextmanager
def checkout(revision: str) -> Iterator[Checkout]:
    """Check a revision of the working folder's repository out; remove it at the end. The working copy stays as it is.

    Raises CannotCheckError where git does not know it.
    """
    top = Path(_git("rev-parse", "--show-toplevel", wanted=revision)).resolve()
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", wanted=revision)
    with tempfile.TemporaryDirectory(prefix="celery-preflight-") as home:
        folder = Path(home).resolve() / "revision"
        try:
            # Hooks of the repository could do anything.
            _git("-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--quiet", str(folder), commit,
                 wanted=revision)  # fmt: skip
            here = Path.cwd().resolve().relative_to(top)
            if not (folder / here).is_dir():
                raise CannotCheckError(f"the revision {revision} has no folder {here}")
            yield Checkout(folder / here, tuple(_moved(top, folder)), top)
        finally:
            if folder.exists():
                _git("worktree", "remove", "--force", str(folder), wanted=revision)


def _moved(top: Path, folder: Path) -> Iterator[str]:
    """Yield the revision's folder for each folder of the working copy on the module path."""
    for entry in sys.path:
        path = Path(entry or ".").resolve()
        if path.is_relative_to(top) and not path.is_relative_to(Path(sys.prefix).resolve()):
            yield str(folder / path.relative_to(top))


def _git(*arguments: str, wanted: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}
    try:
        # The revision comes from the command line, behind --end-of-options. git is the one that the user has on PATH.
        done = subprocess.run(["git", *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError as error:
        raise CannotCheckError("git is not installed: --against REV needs it") from error
    if done.returncode:
        output = tail(done.stderr)
        raise CannotCheckError(
            f"--against {wanted}: no requirement such as celery==5.6.3, and no revision that git can check out"
            + (f":\n{output}" if output else "")
        )
    return done.stdout.strip()
