"""`python -m refunds COMMAND` explains an error of the database in one line."""

import sqlite3

import pytest
from django.core.management import ManagementUtility
from django.db.utils import OperationalError

from refunds.project.utility import Utility


def locked(note: str = "") -> OperationalError:
    """The error that Django raises for a SQLite database that another process locks."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorname = "SQLITE_BUSY"
    error = OperationalError("database is locked")
    error.__cause__ = cause
    if note:
        error.add_note(note)
    return error


@pytest.mark.parametrize("note", ["", "Whole batches are in"])
def test_database_error_in_a_command_is_one_line(
    note: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the database, what is wrong, what to do, and what the command adds as a note."""

    def fail(_self: ManagementUtility) -> None:
        raise locked(note)

    monkeypatch.setattr(ManagementUtility, "execute", fail)
    with pytest.raises(SystemExit) as ended:
        Utility(["refunds", "import_returns", "a.csv"]).execute()
    (line,) = capsys.readouterr().err.splitlines()
    assert "is locked by another process; wait until that has finished, or stop it (database is locked)" in line
    assert line.endswith(f"). {note}" if note else ")")
    assert ended.value.code == 2


def test_traceback_option_shows_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --traceback the error stays as it is."""

    def fail(_self: ManagementUtility) -> None:
        raise locked()

    monkeypatch.setattr(ManagementUtility, "execute", fail)
    with pytest.raises(OperationalError):
        Utility(["refunds", "health", "--traceback"]).execute()
