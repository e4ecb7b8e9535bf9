"""What serve keeps next to its database: where it runs, for as long as it does, and its key."""

import shelve
import stat
import subprocess
import sys
from collections.abc import Iterator
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

from .running import LONG

KEY = "k3y-of-these-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
# Claims the database of the first argument, says so, and holds it until it is killed.
HOLD = """
import signal, sys
from refunds.project.embedded.files import Claim
Claim({"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}).write(pid=1, broker="redis://h/0")
print("held", flush=True)
signal.pause()
"""
# Waits for a line, so that several start at once; then claims, and holds what it got until its standard input ends.
RACE = """
import sys
from refunds.project.embedded.files import Claim, Running
sys.stdin.readline()
try:
    Claim({"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]})
    print("got", flush=True)
except Running:
    print("refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A database in a file; its name has a space and letters beyond ASCII."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "мої повернення.sqlite3")}


@pytest.fixture
def held(config: dict[str, Any]) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that serves the database."""
    command = [sys.executable, "-c", HOLD, config["NAME"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_running_serve_is_found_and_a_second_one_refused(
    config: dict[str, Any], held: "subprocess.Popen[bytes]"
) -> None:
    """Other processes read its record. Only its owner can read the file."""
    assert held.poll() is None
    assert running(config) == {"database": config["NAME"], "pid": 1, "broker": "redis://h/0"}
    with pytest.raises(Running) as refused:
        Claim(config)
    assert refused.value.record["pid"] == 1
    assert stat.S_IMODE(next_to(config, "serve").stat().st_mode) == 0o600


def test_record_left_by_a_kill_is_ignored(config: dict[str, Any], held: "subprocess.Popen[bytes]") -> None:
    """Its lock ended with the process, so that nothing runs, and the next serve replaces the record."""
    held.kill()
    held.wait(timeout=LONG)
    assert next_to(config, "serve").exists()
    assert running(config) == {}
    claim = Claim(config)
    claim.write(pid=2)
    assert running(config) == {"database": config["NAME"], "pid": 2}
    claim.release()
    assert list(next_to(config, "serve").parent.iterdir()) == []


def test_one_of_many_claims_gets_the_database(config: dict[str, Any]) -> None:
    """Of several processes that start at once one succeeds, also where a killed one left its record."""
    next_to(config, "serve").write_text("{}")
    command = [sys.executable, "-c", RACE, config["NAME"]]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=0) for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
    said = [racer.stdout.readline() for racer in racers if racer.stdout is not None]
    for racer in racers:
        racer.communicate(timeout=LONG)
    assert sorted(said) == ["got\n", "refused\n", "refused\n", "refused\n"]


def test_reader_does_not_keep_serve_from_starting(config: dict[str, Any]) -> None:
    """A reader locks a left record for an instant, and shares the lock. A claim waits for it and succeeds."""
    import fcntl
    import threading

    path = next_to(config, "serve")
    path.touch()
    with path.open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        claims: list[Claim] = []
        claiming = threading.Thread(target=lambda: claims.append(Claim(config)))
        claiming.start()
        fcntl.flock(reader, fcntl.LOCK_UN)
        claiming.join(LONG)
    assert len(claims) == 1
    claims[0].release()


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
        ("/data/a b.sqlite3", "/data/a b.sqlite3"),
        ("file:/data/a%20b.sqlite3?mode=rw", "/data/a b.sqlite3"),
        (":memory:", None),
        ("file:memorydb_default?mode=memory&cache=shared", None),
        ("", None),
    ],
)
def test_database_file_is_the_path_of_a_sqlite_database(name: str, file: str | None) -> None:
    """A database in memory has no file."""
    config = {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
    assert database_file(config) == (None if file is None else Path(file))


def test_link_to_a_database_is_the_same_database(config: dict[str, Any], tmp_path: Path) -> None:
    """SQLite follows a link too, so that one database has one serve."""
    Path(config["NAME"]).touch()
    link = tmp_path / "link.sqlite3"
    link.symlink_to(config["NAME"])
    assert next_to(config | {"NAME": str(link)}, "serve") == next_to(config, "serve")


def test_key_is_made_once_and_only_its_owner_reads_it(config: dict[str, Any]) -> None:
    """Later runs use the first run's key, so that users stay logged in."""
    assert kept_key(config, KEY) == KEY
    assert kept_key(config, "another " * 10) == KEY
    path = next_to(config, "key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_key_that_others_can_read_is_refused(config: dict[str, Any], mode: int) -> None:
    """A key that another user can read or write signs nothing."""
    kept_key(config, KEY)
    next_to(config, "key").chmod(mode)
    with pytest.raises(BadKey, match="chmod 600"):
        kept_key(config, KEY)


@pytest.mark.parametrize("text", ["", "short\n", "k" * 49])
def test_a_key_that_is_too_short_is_refused(config: dict[str, Any], text: str) -> None:
    """A full disk can leave an empty file, which is no key."""
    path = next_to(config, "key")
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadKey, match=rf"has {len(text.strip())} characters and needs 50; delete the file"):
        kept_key(config, KEY)
    assert path.stat().st_size == len(text)


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
