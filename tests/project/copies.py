"""A Django project to copy into, and the lines that the command prints for a person to paste."""

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from django.core.management import call_command

TESTS = Path(__file__).parents[1]
SNIPPET = re.compile(r"^(\S+) \(.*\):\n\n((?:    .*\n|\n)+)", re.MULTILINE)


def start_project(folder: Path) -> Path:
    """Make a fresh Django project called shop in the folder."""
    folder.mkdir()
    command = [sys.executable, "-m", "django", "startproject", "shop", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def copy(target: Path, *arguments: str, tests: bool = True) -> str:
    """Run the command in this process and return what it printed. Raises CommandError."""
    printed = StringIO()
    which = ["--tests", str(TESTS)] if tests else ["--without-tests"]
    call_command("copy", str(target), *which, *arguments, stdout=printed)
    return printed.getvalue()


def paste(target: Path, printed: str) -> list[str]:
    """Append the printed lines to the files that they name, and return these names."""
    found = SNIPPET.findall(printed)
    for name, lines in found:
        with (target / name).open("a", encoding="utf-8") as file:
            file.write("\n" + re.sub(r"^    ", "", lines, flags=re.MULTILINE).rstrip() + "\n")
    return [name for name, _ in found]


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder by its path."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
