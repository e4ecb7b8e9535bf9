"""What serve keeps next to its database: where it runs, for as long as it does, and its key."""

import fcntl
import shelve
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from refunds.project.embedded.files import (
    BadKey,
    Claim,
    Running,
    database_file,
    drop_broken_schedule,
    kept_key,
    next_to,
    running,
)

from .production import KEY
from .running import LONG

SQLITE = {"ENGINE": "django.db.backends.sqlite3"}
# Waits for a line, so that several start at once; then claims the database of the first argument, and holds what it got
# until its standard input ends or it is killed.
RACE = """
import sys
from refunds.project.embedded.files import Claim, Running
sys.stdin.readline()
try:
    Claim({"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}).write(pid=1, broker="redis://h/0")
    print("got", flush=True)
except Running:
    print("refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """Return a database in a file; its name has a space and letters beyond ASCII."""
    return SQLITE | {"NAME": str(tmp_path / "мої повернення.sqlite3")}


def race(config: dict[str, Any], count: int) -> "tuple[list[subprocess.Popen[str]], list[str]]":
    """Return processes that claim the database at once, and what they say."""
    command = [sys.executable, "-c", RACE, config["NAME"]]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 0}
    racers = [subprocess.Popen(command, **pipes) for _ in range(count)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
    return racers, sorted(racer.stdout.readline() for racer in racers if racer.stdout is not None)


def test_running_serve_is_found_until_it_is_killed(config: dict[str, Any]) -> None:
    """Others read its record, and a second serve is refused. Its owner alone can read the file.

    The lock ends with the process, so that nothing runs after a kill, and the next serve replaces the record.
    """
    record = next_to(config, "serve")
    (process,), said = race(config, 1)
    assert said == ["got\n"]
    assert running(config) == {"database": config["NAME"], "pid": 1, "broker": "redis://h/0"}
    with pytest.raises(Running) as refused:
        Claim(config)
    assert refused.value.record["pid"] == 1
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    process.kill()
    process.communicate(timeout=LONG)
    assert (record.exists(), running(config)) == (True, {})
    claim = Claim(config)
    claim.write(pid=2)
    assert running(config) == {"database": config["NAME"], "pid": 2}
    claim.release()
    assert list(record.parent.iterdir()) == []


def test_one_of_many_claims_gets_the_database(config: dict[str, Any]) -> None:
    """Of several processes that start at once one succeeds, also where a killed one left its record."""
    next_to(config, "serve").write_text("{}")
    racers, said = race(config, 4)
    for racer in racers:
        racer.communicate(timeout=LONG)
    assert said == ["got\n", "refused\n", "refused\n", "refused\n"]


def test_reader_does_not_keep_serve_from_starting(config: dict[str, Any]) -> None:
    """A reader locks a left record for an instant, and shares the lock. A claim waits for it and succeeds."""
    path = next_to(config, "serve")
    path.touch()
    with path.open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        claims: list[Claim] = []
        claiming = threading.Thread(target=lambda: claims.append(Claim(config)))
        claiming.start()
        fcntl.flock(reader, fcntl.LOCK_UN)
        claiming.join(LONG)
    (claim,) = claims
    claim.release()


def test_record_of_another_database_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases on servers share the working folder, and each has its own record."""
    monkeypatch.chdir(tmp_path)
    books = {"ENGINE": "django.db.backends.postgresql", "NAME": "books", "HOST": "one", "PORT": 5432}
    claim = Claim(books)
    claim.write(pid=3)
    assert running(books)["pid"] == 3
    assert running(books | {"HOST": "two"}) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["refunds-serve"]
    claim.release()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("/data/a b.sqlite3", Path("/data/a b.sqlite3")),
        ("file:/data/a%20b.sqlite3?mode=rw", Path("/data/a b.sqlite3")),
        *[(name, None) for name in (":memory:", "file:memorydb_default?mode=memory&cache=shared", "")],
    ],
)
def test_database_file_is_the_path_of_a_sqlite_database(name: str, file: Path | None) -> None:
    """A database in memory has no file."""
    assert database_file(SQLITE | {"NAME": name}) == file


def test_link_to_a_database_is_the_same_database(config: dict[str, Any], tmp_path: Path) -> None:
    """SQLite follows a link too, so that one database has one serve."""
    link = tmp_path / "link.sqlite3"
    Path(config["NAME"]).touch()
    link.symlink_to(config["NAME"])
    assert next_to(config | {"NAME": str(link)}, "serve") == next_to(config, "serve")


def test_key_is_made_once_and_only_its_owner_reads_it(config: dict[str, Any]) -> None:
    """Later runs use the first run's key, so that users stay logged in."""
    assert kept_key(config, KEY) == KEY
    assert kept_key(config, "another " * 10) == KEY
    path = next_to(config, "key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


BAD_KEYS = [
    *[(KEY, mode, "chmod 600") for mode in (0o640, 0o604, 0o620)],
    # A full disk can leave an empty file, which is no key.
    *[(text, 0o600, f"has {len(text.strip())} characters and needs 50; delete") for text in ("", "short\n", "k" * 49)],
]


@pytest.mark.parametrize(("text", "mode", "advice"), BAD_KEYS)
def test_bad_key_is_refused(config: dict[str, Any], text: str, mode: int, advice: str) -> None:
    """A key that another user can read or write, or that is too short, signs nothing and stays as it is."""
    path = next_to(config, "key")
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(BadKey, match=advice):
        kept_key(config, KEY)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (text, mode)


def test_schedule_broken_by_a_kill_is_removed(config: dict[str, Any]) -> None:
    """Beat would end at every start. A schedule that can be read stays, and a missing one is no error."""
    path = next_to(config, "beat")
    assert not drop_broken_schedule(path)
    with shelve.open(str(path)) as schedule:
        schedule["entries"] = {"reconcile": 1}
    assert not drop_broken_schedule(path)
    parts = list(path.parent.iterdir())
    assert parts
    for part in parts:
        if part.suffix not in {".dir", ".bak"}:
            part.write_bytes(b"")
    assert drop_broken_schedule(path)
    assert list(path.parent.iterdir()) == []
