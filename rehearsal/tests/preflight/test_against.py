"""`celery preflight --against`: another release and another revision, in processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .programs import preflight

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.processes

CASES = Path(__file__).parent / "apps" / "against"
FROM = "2026-12-01T10:00"

SHOP = """
from datetime import timedelta
from celery import Celery
from celery.schedules import crontab
app = Celery("shop", broker="redis://broker.invalid/0")
app.conf.update(timezone="Europe/Kyiv", result_expires=None)
app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": crontab(hour=18, minute=0)}}
"""

# The interval of a day, in each zone: how it moves, and from when.
MOVES = {
    "Europe/Kyiv": "+1 h from 2027-03-28",
    "Europe/Dublin": "+1 h from 2027-03-28",
    "Europe/London": "+1 h from 2027-03-28",
    "America/New_York": "+1 h from 2027-03-14",
    "America/Toronto": "+1 h from 2027-03-14",
    "America/Santiago": "-1 h from 2027-04-04",
    "Australia/Sydney": "-1 h from 2027-04-04",
    "Australia/Lord_Howe": "-30 min from 2027-04-04",
    "Pacific/Auckland": "-1 h from 2027-04-04",
}


@pytest.fixture
def installed(tmp_path: Path) -> Callable[[str], str]:
    """Make an environment with one release of Celery, and return its Python."""

    def install(release: str) -> str:
        home = tmp_path / release
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        python = str(home / "bin" / "python")
        needs = [f"celery=={release}", "greenlet", "time-machine", "packaging", "tzdata"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *needs], check=True)
        return python

    return install


def shop(folder: Path, source: str = SHOP) -> None:
    """An application of one file."""
    (folder / "shop.py").write_text(source)


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody."""
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path, source: str = SHOP) -> None:
    """A repository whose only commit has the application."""
    git(folder, "init", "--quiet")
    shop(folder, source)
    git(folder, "add", "shop.py")
    git(folder, "commit", "--quiet", "--message", "Add the shop")


def test_celery_5_7_moves_9_of_54_cases(installed: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Six schedules in nine zones. Celery 5.6.3 keeps an interval of a day at its local time; Celery 5.7 does not."""
    python, newer = installed("5.6.3"), installed("5.7.0")
    found = {}
    for zone in MOVES:
        monkeypatch.setenv("CASES_ZONE", zone)
        monkeypatch.setattr(sys, "executable", newer)
        done = preflight(CASES, "cases", "--against", "celery==5.6.3", "--python", python, "--from", FROM)
        assert (done.stderr, done.returncode) == ("", 1)
        found[zone] = done.stdout.splitlines()
    assert {zone: [line.partition(" (")[0] for line in lines] for zone, lines in found.items()} == {
        zone: [f'{how}: "daily"'] for zone, how in MOVES.items()
    }
    assert found["Europe/Kyiv"][0].startswith(
        '+1 h from 2027-03-28: "daily" (timedelta(days=1)), 13:00 instead of 12:00'
    )


def test_release_is_installed_once(tmp_path: Path) -> None:
    """The environment stays in the cache. A crontab is the same on both releases, and nothing is printed."""
    shop(tmp_path)
    options = ("--against", "celery==5.5.2", "--cache", str(tmp_path / "cache"), "--from", FROM)
    for _ in range(2):
        done = preflight(tmp_path, "shop", *options)
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    (layer,) = (tmp_path / "cache").iterdir()
    assert layer.name.startswith("celery-5.5.2-")
    assert (layer / "celery" / "__init__.py").exists()


def test_tzdata_is_compared_with_the_zones_here(tmp_path: Path) -> None:
    """The package is read although the system has zones: in 2022b nobody knew that Kazakhstan would have one zone."""
    shop(tmp_path, SHOP.replace("Europe/Kyiv", "Asia/Almaty"))
    options = ("--cache", str(tmp_path / "cache"), "--from", FROM)
    done = preflight(tmp_path, "shop", "--against", "tzdata==2022.2", *options)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith('+1 h from 2026-12-01: "report" (crontab 0 18 * * *), 18:00 instead of 17:00')


def test_release_that_is_not_supported_is_refused_by_name(tmp_path: Path) -> None:
    """The kit tells nothing of a Celery that it was not tried on."""
    shop(tmp_path)
    done = preflight(tmp_path, "shop", "--against", "celery==5.4.0", "--cache", str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "celery 5.4.0 is not supported: the kit runs on celery>=5.5.2,<5.8" in done.stderr


def test_release_that_does_not_exist_exits_with_2(tmp_path: Path) -> None:
    """With the last lines of pip."""
    shop(tmp_path)
    done = preflight(tmp_path, "shop", "--against", "celery==99.1", "--cache", str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "the environment cannot be made: `pip install" in done.stderr
    assert "No matching distribution found for celery==99.1" in done.stderr
    assert list((tmp_path / "cache").iterdir()) == []


def test_python_of_another_release_is_refused(tmp_path: Path) -> None:
    """The environment of --python has to be the one that --against names."""
    shop(tmp_path)
    done = preflight(tmp_path, "shop", "--against", "celery==5.0.1", "--python", sys.executable)
    assert done.returncode == 2
    assert "not celery==5.0.1" in done.stderr


def test_revision_is_compared_and_the_working_copy_stays(tmp_path: Path) -> None:
    """What is not committed moves. The worktree goes away."""
    repository(tmp_path)
    same = preflight(tmp_path, "shop", "--against", "HEAD", "--from", FROM)
    assert (same.stdout, same.stderr, same.returncode) == ("", "", 0)
    shop(tmp_path, SHOP.replace("hour=18", "hour=17"))
    before = git(tmp_path, "status", "--porcelain")
    done = preflight(tmp_path, "shop", "--against", "HEAD", "--from", FROM)
    assert (done.stderr, done.returncode) == ("", 1)
    assert done.stdout.startswith(
        '-1 h from 2026-12-01: "report" (crontab 0 17 * * * instead of crontab 0 18 * * *), 17:00 instead of 18:00'
    )
    assert git(tmp_path, "status", "--porcelain") == before
    assert len(git(tmp_path, "worktree", "list").splitlines()) == 1


def test_application_that_does_not_load_exits_with_2(tmp_path: Path) -> None:
    """It says which side, with the last lines of the process; the worktree goes away then, too."""
    repository(tmp_path)
    shop(tmp_path, "import nothing_of_this_name\n" + SHOP)
    git(tmp_path, "commit", "--quiet", "--all", "--message", "Break the shop")
    shop(tmp_path)
    done = preflight(tmp_path, "shop", "--against", "HEAD")
    assert (done.stdout, done.returncode) == ("", 2)
    assert "the application could not be asked with HEAD: the process ended with 2" in done.stderr
    assert "nothing_of_this_name" in done.stderr
    assert len(git(tmp_path, "worktree", "list").splitlines()) == 1


def test_revision_that_git_does_not_know_exits_with_2(tmp_path: Path) -> None:
    """And says what a requirement looks like."""
    repository(tmp_path)
    done = preflight(tmp_path, "shop", "--against", "gone")
    assert done.returncode == 2
    assert "--against gone: no requirement such as celery==5.6.3, and no revision that git can check out" in done.stderr


def test_entry_that_cannot_be_driven_exits_with_2(tmp_path: Path) -> None:
    """The others are compared."""
    repository(tmp_path)
    shop(tmp_path, SHOP + 'app.conf.beat_schedule["never"] = {"task": "x", "schedule": timedelta()}\n')
    git(tmp_path, "commit", "--quiet", "--all", "--message", "Send without a pause")
    shop(tmp_path, (tmp_path / "shop.py").read_text().replace("hour=18", "hour=17"))
    done = preflight(tmp_path, "shop", "--against", "HEAD")
    assert done.returncode == 2
    assert '"report"' in done.stdout
    assert "could not compare: here, entry never fires again and again at one instant" in done.stderr


def test_known_moves_pass(tmp_path: Path) -> None:
    """A file has them, with comments. A move that is not there fails, and so does one that no longer moves."""
    repository(tmp_path)
    shop(tmp_path, SHOP.replace("hour=18", "hour=17"))
    options = ("--against", "HEAD", "--from", FROM)
    known = tmp_path / "moves.txt"
    known.write_text("# We close earlier now.\n" + preflight(tmp_path, "shop", *options).stdout)
    done = preflight(tmp_path, "shop", *options, "--known", str(known))
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    shop(tmp_path)
    done = preflight(tmp_path, "shop", *options, "--known", str(known))
    assert done.returncode == 1
    assert '\n--1 h from 2026-12-01: "report"' in done.stdout


def test_simulation_tells_what_the_schedule_does_not(tmp_path: Path) -> None:
    """A countdown moves no firing. With --simulate, each run of the week is late."""
    task = '@app.task(name="shop.report")\ndef report(): ...\n'
    repository(tmp_path, SHOP + task)
    shop(tmp_path, SHOP.replace("minute=0)}", 'minute=0), "options": {"countdown": 600}}') + task)
    options = ("--against", "HEAD", "--from", FROM)
    assert preflight(tmp_path, "shop", *options).returncode == 0
    done = preflight(tmp_path, "shop", *options, "--simulate")
    assert (done.stderr, done.returncode) == ("", 1)
    assert done.stdout == '"report": 7 late instead of 0 (simulated for 7 d from 2027-03-24)\n'


def test_simulation_that_is_refused_exits_with_2(tmp_path: Path) -> None:
    """By name, and the schedule is compared."""
    repository(tmp_path)
    shop(tmp_path, SHOP.replace("redis://broker.invalid/0", "sqs://").replace("hour=18", "hour=17"))
    done = preflight(tmp_path, "shop", "--against", "HEAD", "--from", FROM, "--simulate", "2")
    assert done.returncode == 2
    assert '"report"' in done.stdout
    assert "could not compare: here, the simulation: the app's broker is sqs: not simulated" in done.stderr


def test_simulation_alone_is_another_command(tmp_path: Path) -> None:
    """`--simulate` compares."""
    shop(tmp_path)
    done = preflight(tmp_path, "shop", "--simulate", "2")
    assert done.returncode == 2
    assert "--simulate is for --against; `celery simulate` simulates this application alone" in done.stderr
