"""A command without a database that it can use ends with one line and exit status 2, and writes nothing."""

import shutil
import sqlite3
from contextlib import closing
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path

import pytest

from .production import python, refunds

pytestmark = pytest.mark.processes

NAME = "refunds.sqlite3"
# Runs a command as a user without root's capabilities, which file permissions do not stop (linux/capability.h): 24 is
# PR_CAPBSET_DROP, 1 and 2 are CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
HELD = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-m", "refunds", *sys.argv[1:]])
"""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a database with all tables, as bytes."""
    folder = tmp_path_factory.mktemp("migrated")
    refunds(folder, "migrate", "-v0")
    return (folder / NAME).read_bytes()


@pytest.fixture
def path(tmp_path: Path, migrated: bytes) -> Path:
    """Return the path of a database with all tables, in a folder of its own."""
    (tmp_path / NAME).write_bytes(migrated)
    return tmp_path / NAME


def refusal(folder: Path, *command: str, url: str = "", held: bool = False) -> str:
    """Return the one line with which a command refuses. Fail when it does anything else, or changes the folder."""
    before = sorted(folder.iterdir())
    environment = {"DATABASE_URL": url} if url else {}
    program = ("-c", HELD) if held else ("-m", "refunds")
    done = python(folder, *program, *command, environment=environment, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert done.stdout == ("" if command[0] != "serve" else "Refunds: loading Django and Celery …\n")
    assert sorted(folder.iterdir()) == before
    return line


def execute(path: Path, statement: str) -> list[int]:
    """Return the first row of a statement's answer, if it has any."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return [*(connection.execute(statement).fetchone() or ())]


# `*` stands for other words.
NOT_HERE = (
    "there is no database {0}/refunds.sqlite3. Change to the folder of your database (this is {0}), or name the "
    "database in DATABASE_URL. Only to start a new database here: python -m refunds serve, or python -m refunds migrate"
)
BAD_URL = "DATABASE_URL is not the URL of a database; write it as sqlite:////srv/*"
URL = "postgres://refunds:hunter2@127.0.0.1:1/books"
SERVER = "the database books on 127.0.0.1:1 cannot be used: *Connection refused*start its server, create it, or *"
NEEDS_PSYCOPG = pytest.mark.skipif(find_spec("psycopg") is None, reason="refunds[postgres] is not installed")
# Also commands of Django; those that would only read, and those that would write.
OURS = ("health", "approve_all", "decline_all", "import_returns returns.csv", "changepassword admin")
DJANGOS = ("createsuperuser --noinput", "shell -c pass", "runserver --noreload 0")
BAD_URLS = ("refunds.sqlite3", "nosql://host/hunter2", "postgres://u:hunter2@host:port/books")
REFUSED = [
    *[(command, "", NOT_HERE) for command in OURS + DJANGOS],
    *[(command, url, BAD_URL) for command in ("health", "migrate") for url in BAD_URLS],
    # The variable is to be corrected. A path with spaces and other letters is shown whole.
    ("health", "sqlite:///{0}/наші 2026", "there is no database {0}/наші 2026. *or correct DATABASE_URL*"),
    ("migrate", "sqlite:///{0}/no/db", "there is no folder {0}/no for the database; make it, or correct DATABASE_URL"),
    *[pytest.param(command, URL, SERVER, marks=NEEDS_PSYCOPG) for command in ("health", "migrate", "serve")],
]


@pytest.mark.parametrize(("command", "url", "line"), REFUSED)
def test_command_without_a_usable_database_says_what_to_do(tmp_path: Path, command: str, url: str, line: str) -> None:
    """The line names the wrong folder, URL or server, and no password. No command creates a database there."""
    said = refusal(tmp_path, *command.split(), url=url.format(tmp_path))
    assert fnmatchcase(said, line.format(tmp_path))
    assert "hunter2" not in said


@pytest.mark.parametrize("name", ["Returns #1", "what? 2026", "100%25 new", "ü&x=1;y"])
def test_default_database_is_in_the_working_folder_of_any_name(tmp_path: Path, name: str) -> None:
    """In a URL, # and ? end a path and %25 is a %: the folder's name is quoted."""
    folder = tmp_path / name
    folder.mkdir()
    assert refusal(folder, "health").startswith(f"there is no database {folder / NAME}. ")


def test_worker_in_the_wrong_folder_ends_and_creates_no_file(tmp_path: Path) -> None:
    """SQLite would create an empty database, on which every task fails."""
    words = ("-m", "celery", "-A", "refunds.project.app", "worker", "--pool", "solo")
    done = python(tmp_path, *words, environment={"CELERY_BROKER_URL": "memory://"}, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"there is no database {tmp_path / NAME}. Change to the folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["", "help", "version", "check", "health --help", "makemigrations --help", "helth"])
def test_commands_that_need_no_database_run_without_one(tmp_path: Path, command: str) -> None:
    """Help, the checks and the list of commands work in an empty folder, and leave it empty.

    An unknown command has Django's message.
    """
    done = refunds(tmp_path, *command.split(), check=False)
    if command == "helth":
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, "Unknown command: 'helth'. Did you mean health?")
    else:
        assert (done.returncode, bool(done.stdout)) == (0, True)
    assert list(tmp_path.iterdir()) == []


DAMAGES = {
    "text": "the database {path} is not a SQLite database; restore a backup, or name another file in ",
    "truncated": "the database {path} is damaged; stop what uses it and restore a backup, or see https://",
    "directory": "{path} is not a file, so it is not a database; name the database in DATABASE_URL",
}


@pytest.mark.parametrize("command", ["health", "migrate", "serve"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_or_wrong_file_is_named(path: Path, migrated: bytes, damage: str, command: str) -> None:
    """A text file, a truncated database, a folder: each is one line, also from the commands that create a database."""
    if damage == "directory":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(b"not a database\n" * 200 if damage == "text" else migrated[: len(migrated) // 3])
    assert refusal(path.parent, command).startswith(DAMAGES[damage].format(path=path))


def test_damage_found_in_the_middle_of_a_command_is_one_line(path: Path) -> None:
    """The table of the migrations can be read, and the table of the return requests cannot."""
    (page,) = execute(path, "SELECT rootpage FROM sqlite_master WHERE name='refunds_returnrequest'")
    (size,) = execute(path, "PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert refusal(path.parent, "health").startswith(f"the database {path} is damaged; ")


def test_file_without_tables_is_named(tmp_path: Path) -> None:
    """An empty file, as an earlier command leaves in the wrong folder, and a database of another program."""
    path = tmp_path / NAME
    path.touch()
    line = refusal(tmp_path, "health")
    assert line.startswith(f"the database {path} has no tables of refunds. Change to the folder of your database")
    execute(path, "CREATE TABLE other (id integer)")
    assert refusal(tmp_path, "approve_all") == line


def test_database_with_only_a_damaged_write_ahead_log_has_no_tables(tmp_path: Path) -> None:
    """Only the log had the tables. SQLite ignores a log that it cannot read, and replaces it."""
    live, copy = tmp_path / "live", tmp_path / NAME
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE django_migrations (id integer)")
        connection.commit()
        shutil.copy(live, copy)
    (tmp_path / f"{NAME}-wal").write_bytes(b"\xff" * 8192)
    done = refunds(tmp_path, "health", check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(f"the database {copy} has no tables of refunds. ")


def test_partly_migrated_database_needs_migrate(path: Path) -> None:
    """The line names the first missing migration. A newer, unknown migration is no fault: a rollback works."""
    execute(path, "INSERT INTO django_migrations (app, name, applied) VALUES ('refunds', '9999_newer', '2026')")
    assert refunds(path.parent, "health").stdout == "All is well.\n"
    execute(path, "DELETE FROM django_migrations WHERE app='auth' AND name >= '0004'")
    lacks = f"the database {path} is not fully migrated: it lacks auth.0004_alter_user_username_opts and "
    assert fnmatchcase(refusal(path.parent, "health"), f"{lacks}* more; run: python -m refunds migrate")


@pytest.mark.parametrize("command", ["health", "migrate", "serve"])
@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555], ids=["unreadable", "read-only", "in a read-only folder"])
def test_missing_permission_is_named(path: Path, mode: int, command: str) -> None:
    """The advice is to make the file writable, or its folder, where SQLite writes even for a reader, and serve too."""
    held_back = path.parent if mode == 0o555 else path
    held_back.chmod(mode)
    line = refusal(path.parent, command, *["--port=0"] * (command == "serve"), held=True)
    path.parent.chmod(0o755)
    advice = f"make {held_back} writable, or name the database in DATABASE_URL"
    assert line == f"the database {path} is read-only or unreadable for this user: {advice}"
