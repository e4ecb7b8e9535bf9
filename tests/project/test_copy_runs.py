"""A copy runs in a fresh project: its checks, its migrations, its tests, and the README's day under its own cutoff.

By default without any room and with all of them; REFUNDS_THOROUGH=1 also leaves out each room in turn.
"""

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import celery_rehearsal
import pytest

from refunds.project.copying.rewriting import Cutoff, Rewriter
from refunds.project.copying.rooms import needs, rooms

from .copies import TESTS, copy, paste, start_project
from .running import LONG

README = TESTS.parent / "README.md"
ZONE, AT = "Europe/Warsaw", "16:30"
# The README's day ends at 18:00 in Kyiv; the copy's, on the same date, at its own cutoff.
OF_README = datetime(2026, 3, 29, 15, tzinfo=UTC)
OF_COPY = datetime.combine(date(2026, 3, 29), time.fromisoformat(AT), ZoneInfo(ZONE))
# Combinations that pass, and those of which the copied tests pass; None for all of them.
PROVEN: set[str] | None = set()
TESTED: set[str] | None = set()
# Seconds for the tests of a copy: they are most of the app's own.
TESTS_TAKE = 900
ALONE = """

def test_the_original_is_not_loaded():
    import sys

    assert not [name for name in sys.modules if name.partition(".")[0] == "refunds"]
"""


def left_out() -> dict[str, set[str]]:
    """Return the combinations, by name: the rooms that each leaves out."""
    every = set(rooms())
    found: dict[str, set[str]] = {"no rooms": every, "all rooms": set()}
    if os.environ.get("REFUNDS_THOROUGH"):
        found |= {
            f"without {room}": {room} | {other for other in every if room in needs(other)} for room in sorted(every)
        }
    return {name: left for name, left in found.items() if PROVEN is None or name in PROVEN}


def run(target: Path, *arguments: str, timeout: float = LONG) -> str:
    """Run Python in the project, where the original is not on the path, and return what it printed."""
    path = str(Path(celery_rehearsal.__file__).parents[1])
    ours = ("CELERY_", "DATABASE_", "DJANGO_", "PYTEST_", "REFUNDS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "PYTHONPATH": path
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=target,
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def day_of_readme() -> str:
    """Return the README's day as a test file of the copy: its names rewritten, its times moved to the copy's cutoff."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (day,) = [block for block in blocks if "VirtualCelery" in block]
    renamed = Rewriter("returns", Cutoff()).text(day)
    seconds = (OF_COPY - OF_README).total_seconds()
    moved = re.sub(r"datetime\([\d, ]+tzinfo=UTC\)", rf"(\g<0> + timedelta(seconds={seconds}))", renamed)
    head = "from datetime import UTC, datetime, timedelta\nimport pytest\n"
    return f"{head}{moved}\ntest_a_day = pytest.mark.django_db(transaction=True)(test_a_day)\n{ALONE}"


@pytest.fixture(scope="module", params=[pytest.param(name, id=name) for name in left_out()])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh project with a copy, and with the lines that the command printed."""
    target = start_project(tmp_path_factory.mktemp("copy") / "project")
    left = left_out()[request.param]
    without = ["--without", ",".join(sorted(left))] if left else []
    paste(target, copy(target, "--label", "returns", "--cutoff", AT, "--zone", ZONE, *without))
    (target / "tests" / "test_readme.py").write_text(day_of_readme(), "utf-8")
    return target


def test_copy_passes_the_checks(project: Path) -> None:
    """With what was printed pasted, `check` finds nothing."""
    assert run(project, "manage.py", "check", "--fail-level", "WARNING") == (
        "System check identified no issues (0 silenced).\n"
    )


def test_migrations_of_the_copy_fit_its_models(project: Path) -> None:
    """`makemigrations` has nothing to add, and `migrate` makes the tables."""
    assert run(project, "manage.py", "makemigrations", "--check") == "No changes detected\n"
    assert "Applying returns.0001_initial... OK" in run(project, "manage.py", "migrate")


def test_day_of_the_readme_runs_in_the_copy(project: Path) -> None:
    """A lost broker and a killed worker change nothing there either; no module of the original takes part."""
    printed = run(project, "-m", "pytest", "-q", "--ds", "tests.returns.settings", "tests/test_readme.py")
    assert "2 passed" in printed


@pytest.mark.parametrize("project", [name for name in left_out() if TESTED is None or name in TESTED], indirect=True)
def test_tests_of_the_copy_pass(project: Path) -> None:
    """The copied tests pass under the copy's label and cutoff, without an edit."""
    printed = run(project, "-m", "pytest", "-q", "--ds", "tests.returns.settings", "tests/returns", timeout=TESTS_TAKE)
    assert " passed" in printed
