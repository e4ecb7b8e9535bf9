"""The console script `celery-rehearsal`. Its command `migrate` rewrites eager tests for a cluster."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DONE, LEFT, UNREADABLE = range(3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 if nothing is left to do by hand, 1 if something is, 2 if a file has an error."""
    parser = argparse.ArgumentParser(prog="celery-rehearsal")
    commands = parser.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="rewrite eager tests, and list those that need a person")
    migrate.add_argument("files", nargs="+", metavar="FILE")
    migrate.add_argument("--write", action="store_true", help="change the files; without it, print a diff")
    migrate.add_argument("--eager", action="store_true", help="the suite's settings or fixtures turn eager mode on")
    options = parser.parse_args(arguments)
    try:
        import libcst as _libcst  # noqa: F401 - the rest of the kit works without it
    except ImportError:
        parser.error("migrate needs LibCST: install the extra celery-rehearsal[migrate]")
    return max(_migrate(Path(name), write=options.write, eager=options.eager) for name in options.files)


def _migrate(path: Path, *, write: bool, eager: bool) -> int:
    from .migrate_file import CannotRewriteError, rewrite

    try:
        raw = path.read_bytes()
        new, encoding, findings = rewrite(raw, eager=eager)
        if write and new != raw:
            _replace(path.resolve(), new)
    except (OSError, CannotRewriteError) as error:
        sys.stderr.write(f"{path}: {error}\n")
        return UNREADABLE
    if new != raw:
        sys.stdout.writelines([f"{path}: rewritten\n"] if write else _diff(raw, new, encoding, path))
    sys.stdout.writelines(f"{path}:{line}: {reason}\n" for line, reason in findings)
    return LEFT if findings else DONE


def _replace(path: Path, new: bytes) -> None:
    # The file is the old one or the new one, whenever the process ends.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new)
        Path(name).chmod(path.stat().st_mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _diff(raw: bytes, new: bytes, encoding: str, path: Path) -> Iterable[str]:
    # Not str.splitlines, which also ends a line at a form feed.
    old_lines, new_lines = (re.findall(r"[^\n]*\n|[^\n]+", text.decode(encoding)) for text in (raw, new))
    for line in unified_diff(old_lines, new_lines, f"a/{path}", f"b/{path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
