"""`python -m refunds COMMAND` explains an error of the database in one line."""

import sqlite3

import pytest
from django.core.management import ManagementUtility
from django.db.utils import OperationalError

from refunds.project.utility import Utility


@pytest.fixture(params=["", "Whole batches are in"])
def note(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have commands fail as on a SQLite database that another process locks, and return the note that they add."""
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorname = "SQLITE_BUSY"

    def fail(_self: ManagementUtility) -> None:
        error = OperationalError("database is locked")
        if request.param:
            error.add_note(request.param)
        raise error from cause

    monkeypatch.setattr(ManagementUtility, "execute", fail)
    return str(request.param)


def test_database_error_in_a_command_is_one_line(note: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the database, what is wrong, what to do, and the command's note; --traceback keeps the error."""
    with pytest.raises(SystemExit) as ended:
        Utility(["refunds", "import_returns", "a.csv"]).execute()
    (line,) = capsys.readouterr().err.splitlines()
    assert "is locked by another process; wait until that has finished, or stop it (database is locked)" in line
    assert line.endswith(f"). {note}" if note else ")")
    assert ended.value.code == 2
    with pytest.raises(OperationalError):
        Utility(["refunds", "health", "--traceback"]).execute()
