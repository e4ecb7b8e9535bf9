"""A command without a database that it can use ends with one line, exit status 2, and leaves nothing behind."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from ..project.production import python, refunds

pytestmark = pytest.mark.processes

NAME = "refunds.sqlite3"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with all tables, as bytes."""
    folder = tmp_path_factory.mktemp("migrated")
    refunds(folder, "migrate", "-v0", environment={})
    return (folder / NAME).read_bytes()


def refusal(folder: Path, *command: str, **environment: str) -> str:
    """The one line with which a command refuses; fails when it does anything else, or changes the folder."""
    before = sorted(folder.iterdir())
    done = refunds(folder, *command, environment=environment, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    assert sorted(folder.iterdir()) == before
    return line


@pytest.mark.parametrize(
    "command",
    [
        ("health",),
        ("approve_all",),
        ("decline_all",),
        ("import_returns", "returns.csv"),
        ("changepassword", "admin"),
        ("createsuperuser", "--noinput"),
        ("shell", "-c", "pass"),
        ("runserver", "--noreload", "0"),
    ],
    ids=lambda command: command[0],
)
def test_the_wrong_folder_is_named_and_stays_empty(tmp_path: Path, command: tuple[str, ...]) -> None:
    """No command makes a database but those that are for it; the advice is the other folder first, a new one last."""
    assert refusal(tmp_path, *command) == (
        f"there is no database {tmp_path / NAME}. Change to the folder of your database (this is {tmp_path}), or name "
        "the database in DATABASE_URL. Only to start a new database here: python -m refunds serve, or python -m "
        "refunds migrate"
    )


def test_a_wrong_database_url_is_said_to_be_wrong(tmp_path: Path) -> None:
    """Where the variable is set, it is what is to be corrected; a path with spaces and other letters is shown whole."""
    path = tmp_path / "повернення 2026.sqlite3"
    line = refusal(tmp_path, "health", DATABASE_URL=f"sqlite:///{path}")
    assert line.startswith(f"there is no database {path}. ")
    assert "or correct DATABASE_URL" in line
    gone = refusal(tmp_path, "migrate", DATABASE_URL=f"sqlite:///{tmp_path}/gone/{NAME}")
    assert gone == f"there is no folder {tmp_path}/gone for the database; make it, or correct DATABASE_URL"


@pytest.mark.parametrize("name", ["Returns #1", "what? 2026", "100%25 new", "ü&x=1;y"])
def test_any_name_of_a_folder_is_that_folder(tmp_path: Path, name: str) -> None:
    """In a URL, # and ? end a path and %25 is a %: the default database is in the working folder all the same."""
    folder = tmp_path / name
    folder.mkdir()
    assert refusal(folder, "health").startswith(f"there is no database {folder / NAME}. ")


@pytest.mark.parametrize("url", ["refunds.sqlite3", "nosql://host/hunter2", "postgres://u:hunter2@host:port/books"])
@pytest.mark.parametrize("command", ["health", "migrate"])
def test_a_database_url_that_is_none_is_one_line(tmp_path: Path, url: str, command: str) -> None:
    """It says how to write one, and does not repeat what may hold a password."""
    line = refusal(tmp_path, command, DATABASE_URL=url)
    assert line.startswith("DATABASE_URL is no URL of a database; write it such as sqlite:////srv/")
    assert "hunter2" not in line


def test_a_worker_in_the_wrong_folder_ends_and_makes_no_file(tmp_path: Path) -> None:
    """SQLite would make an empty database, on which every task fails."""
    words = ("-m", "celery", "-A", "celery_app", "worker", "--pool", "solo")
    done = python(tmp_path, *words, environment={"CELERY_BROKER_URL": "memory://"}, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"there is no database {tmp_path / NAME}. Change to the folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["", "help", "version", "check", "health --help", "makemigrations --help"])
def test_what_needs_no_database_runs_without_one(tmp_path: Path, command: str) -> None:
    """Help, the checks and the list of commands work in an empty folder, and leave it empty."""
    assert refunds(tmp_path, *command.split(), environment={}).stdout
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_command_is_said_to_be_unknown(tmp_path: Path) -> None:
    """Also where there is no database."""
    done = refunds(tmp_path, "helth", environment={}, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "Unknown command: 'helth'. Did you mean health?")


@pytest.mark.parametrize("command", ["health", "migrate", "serve"])
@pytest.mark.parametrize("damage", ["text", "truncated", "directory"])
def test_what_is_no_whole_database_is_named(tmp_path: Path, migrated: bytes, damage: str, command: str) -> None:
    """Another file, a part of one, a folder: also for the commands that make a database."""
    path = tmp_path / NAME
    match damage:
        case "text":
            path.write_text("not a database\n" * 200)
            expected = f"the database {path} is not a SQLite database; restore a backup, or name another file in "
        case "truncated":
            path.write_bytes(migrated[: len(migrated) // 3])
            expected = f"the database {path} is damaged; stop what uses it and restore a backup, or see https://"
        case _:
            path.mkdir()
            expected = f"{path} is no file, and so no database; name the database in DATABASE_URL"
    done = refunds(tmp_path, command, environment={}, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(expected)
    assert list(tmp_path.iterdir()) == [path]


def test_damage_that_a_command_meets_in_the_middle_is_one_line_too(tmp_path: Path, migrated: bytes) -> None:
    """The tables of the migrations can be read, those of the returns cannot."""
    path = tmp_path / NAME
    path.write_bytes(migrated)
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name='refunds_returnrequest'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    damaged = bytearray(path.read_bytes())
    damaged[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(damaged)
    assert refusal(tmp_path, "health").startswith(f"the database {path} is damaged; ")


def test_a_file_without_tables_is_named(tmp_path: Path) -> None:
    """An empty one, such as an earlier command left in the wrong folder; and one of another program."""
    path = tmp_path / NAME
    path.touch()
    line = refusal(tmp_path, "health")
    assert line.startswith(f"the database {path} has no tables of refunds. Change to the folder of your database")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (id integer)")
    connection.close()
    assert refusal(tmp_path, "approve_all") == line


def test_a_write_ahead_log_that_is_damaged_is_not_taken_for_the_database(tmp_path: Path) -> None:
    """The tables were in it alone: SQLite passes over a log that it cannot read, and nothing is left to be found."""
    live, copy = tmp_path / "live", tmp_path / "copy"
    live.mkdir()
    copy.mkdir()
    connection = sqlite3.connect(live / NAME)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE django_migrations (id integer)")
    connection.commit()
    for suffix in ("", "-wal"):
        shutil.copy(live / f"{NAME}{suffix}", copy / f"{NAME}{suffix}")
    connection.close()
    (copy / f"{NAME}-wal").write_bytes(b"\xff" * 8192)
    done = refunds(copy, "health", environment={}, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(f"the database {copy / NAME} has no tables of refunds. ")


def test_a_database_that_is_partly_migrated_is_told_to_migrate(tmp_path: Path, migrated: bytes) -> None:
    """The first migration that it lacks is named. One that this release does not know is no fault: going back works."""
    path = tmp_path / NAME
    path.write_bytes(migrated)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('refunds', '9999_newer', '2026')"
        )
    connection.close()
    assert refunds(tmp_path, "health", environment={}).stdout == "All is well.\n"
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM django_migrations WHERE app='refunds' AND name >= '0004'")
    connection.close()
    line = refusal(tmp_path, "health")
    assert line.startswith(f"the database {path} is not fully migrated: it lacks refunds.0004_failed_refunds and ")
    assert line.endswith(" more; run: python -m refunds migrate")


# Permissions do not hold root, until it has given up the capabilities by which it passes them (linux/capability.h): 24
# is PR_CAPBSET_DROP, 1 and 2 are CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
HELD = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-m", "refunds", *sys.argv[1:]])
"""


def held(folder: Path, command: str) -> "subprocess.CompletedProcess[str]":
    """A command of a user whom permissions hold."""
    return python(folder, "-c", HELD, command, *["--port=0"] * (command == "serve"), environment={}, check=False)


@pytest.mark.parametrize("command", ["health", "migrate", "serve"])
@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_file_that_the_user_cannot_read_or_write_is_named(
    tmp_path: Path, migrated: bytes, mode: int, command: str
) -> None:
    """Unreadable or read-only: the file is named as what is to be changed."""
    path = tmp_path / NAME
    path.write_bytes(migrated)
    path.chmod(mode)
    done = held(tmp_path, command)
    assert done.returncode == 2
    assert done.stderr == (
        f"the database {path} is read-only or unreadable for this user: make {path} writable, or name the database in "
        "DATABASE_URL\n"
    )


@pytest.mark.parametrize("command", ["health", "serve"])
def test_a_read_only_folder_is_named(tmp_path: Path, migrated: bytes, command: str) -> None:
    """SQLite writes next to its file, for a reader too, and serve does."""
    path = tmp_path / NAME
    path.write_bytes(migrated)
    path.chmod(0o666)
    tmp_path.chmod(0o555)
    done = held(tmp_path, command)
    tmp_path.chmod(0o755)
    assert done.returncode == 2
    assert done.stderr == (
        f"the database {path} is read-only or unreadable for this user: make {tmp_path} writable, or name the database "
        "in DATABASE_URL\n"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_server_that_refuses_is_named_without_the_password(tmp_path: Path) -> None:
    """Database, host and port, what PostgreSQL's driver says, and what to do."""
    pytest.importorskip("psycopg", reason="refunds[postgres] is not installed")
    url = "postgres://refunds:hunter2@127.0.0.1:1/books"
    for command in ("health", "migrate", "serve"):
        done = refunds(tmp_path, command, environment={"DATABASE_URL": url}, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert done.stderr.startswith("the database books on 127.0.0.1:1 cannot be used: ")
        assert "Connection refused" in done.stderr
        assert "start its server, create it, or correct DATABASE_URL" in done.stderr
        assert "hunter2" not in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []
