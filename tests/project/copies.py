"""Copies in fresh Django projects, with the lines pasted that the command prints."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import celery_rehearsal
from django.core.management import call_command

from refunds.project.copying import rewriting
from refunds.project.copying.rewriting import Rewriter
from refunds.project.copying.rooms import needs, rooms

from ..elsewhere import Cutoff
from .production import python
from .running import LONG

TESTS = Path(__file__).parents[1]
SNIPPET = re.compile(r"^(\S+) \(.*\):\n\n((?:    .*\n|\n)+)", re.MULTILINE)
README = TESTS.parent / "README.md"
# The cutoff of the README's day, as the README writes it.
OF_README = datetime(2026, 3, 29, 15, tzinfo=UTC)
# Without any room, and with all of them.
ENDS = ("all rooms", "no rooms")
# The original is installed next to the copy: a copy that imports it would fail in the project of a team.
ALONE = """
import sys

assert "refunds" not in sys.modules
sys.modules["refunds"] = None
"""
# What a team runs after the copy, in one process.
COMMANDS = f"""{ALONE}
import manage

for command in (["check", "--fail-level", "WARNING"], ["makemigrations", "--check"], ["migrate"]):
    sys.argv[1:] = command
    manage.main()

from django.test import Client

# Pages are in the browser's language, or else in the project's.
for asked, language in (("pl, uk;q=0.5", "uk"), ("pl", "en")):
    page = Client(headers={{"host": "localhost", "accept-language": asked}}).get("/admin/login/")
    assert page.headers["content-language"] == language, page.headers
"""


def left_out() -> dict[str, set[str]]:
    """Return the combinations of rooms that are proved, by name: the rooms that each leaves out."""
    every = set(rooms())
    found: dict[str, set[str]] = {"all rooms": set(), "no rooms": every}
    for room in sorted(every):
        found[f"without {room}"] = {room} | {other for other in every if room in needs(other)}
    return found


def start_project(folder: Path) -> Path:
    """Make a fresh Django project called shop in the folder."""
    folder.mkdir()
    call_command("startproject", "shop", str(folder))
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


def copied_project(folder: Path, without: Iterable[str], cutoff: Cutoff, label: str = "returns") -> Path:
    """Make a fresh project: a copy that leaves out these rooms, the printed lines, and the README's day as a test."""
    target = start_project(folder)
    left = ["--without", ",".join(sorted(without))] if without else []
    at = ["--cutoff", f"{cutoff.hour:02}:{cutoff.minute:02}", "--zone", cutoff.zone]
    paste(target, copy(target, "--label", label, *at, *left))
    (target / "tests" / "conftest.py").write_text(ALONE, "utf-8")
    (target / "tests" / "test_readme.py").write_text(day_of_readme(cutoff, label), "utf-8")
    return target


def run(target: Path, *arguments: str, timeout: float = LONG) -> str:
    """Run Python in the project, where the original is not on the path, and return what it printed."""
    kit = {"PYTHONPATH": str(Path(celery_rehearsal.__file__).parents[1])}
    done = python(target, *arguments, environment=kit, check=False, timeout=timeout)
    assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def day_of_readme(cutoff: Cutoff, label: str) -> str:
    """Return the README's day as a test file of the copy: its names rewritten, its times moved to the copy's cutoff."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (day,) = [block for block in blocks if "VirtualCelery" in block]
    renamed = Rewriter(label, rewriting.Cutoff()).text(day)
    renamed = renamed.replace("from celery_app import", "from shop.celery import")
    of_copy = datetime.combine(OF_README, time(cutoff.hour, cutoff.minute), ZoneInfo(cutoff.zone))
    later = f"timedelta(seconds={(of_copy - OF_README).total_seconds()})"
    moved = re.sub(r"datetime\([\d, ]+tzinfo=UTC\)", rf"(\g<0> + {later})", renamed)
    head = "from datetime import UTC, datetime, timedelta\nimport pytest\n"
    return f"{head}{moved}\ntest_a_day = pytest.mark.django_db(transaction=True)(test_a_day)\n"
