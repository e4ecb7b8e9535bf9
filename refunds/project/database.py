"""Explain in one line why a database cannot be used, and what to do."""

import os
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error

from ..apps import LABEL
from .embedded.files import database_file
from .environment import BadDatabaseUrl

# The exit status of a command that cannot use its database. Status 1 means that a command found a fault in the data.
EXIT_STATUS: Final = 2
# Commands that need no database. The database is checked before every other command, even Django's own.
WITHOUT: Final = frozenset(
    {
        *("check", "collectstatic", "compilemessages", "copy", "demo", "diffsettings", "findstatic", "makemessages"),
        *("makemigrations", "optimizemigration", "sendtestemail", "squashmigrations", "startapp", "startproject"),
        *("test", "testserver"),
    }
)
# Commands that create the database, its tables or both.
MAKING: Final = frozenset({"migrate", "serve"})
# Commands that inspect a database, even one that is not fully migrated.
LOOKING: Final = frozenset({"dbshell", "shell", "showmigrations", "sqlmigrate"})
_OPEN: Final = "cannot be opened by this user; make it, its -wal and -shm, and its folder readable and writable"
_LOCKED: Final = "is locked by another process; wait until that has finished, or stop it"
# What SQLite's result codes mean (https://www.sqlite.org/rescode.html), by the beginning of their names.
SQLITE: Final = {
    "SQLITE_NOTADB": "is not a SQLite database; restore a backup, or name another file in DATABASE_URL",
    "SQLITE_CORRUPT": "is damaged; stop what uses it and restore a backup, or see https://sqlite.org/recovery.html",
    "SQLITE_READONLY": "is read-only for this user; make it, its -wal and -shm, and its folder writable",
    "SQLITE_CANTOPEN": _OPEN,
    "SQLITE_PERM": _OPEN,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_FULL": "cannot grow; free some space on its disk",
    "SQLITE_IOERR": "cannot be read from or written to its disk; look at the disk",
}
# PostgreSQL's code for a role that lacks a privilege.
INSUFFICIENT_PRIVILEGE: Final = "42501"


def fault(command: str) -> str:
    """Return in one line why `command` cannot work on the default database; an empty text if it can.

    Create no file. If there is a fault, leave no connection open.
    """
    if command in WITHOUT:
        return ""
    try:
        connection = connections[DEFAULT_DB_ALIAS]
        found = _fault_of_file(connection, making=command in MAKING) or _fault_of_tables(connection, command)
    except BadDatabaseUrl:
        raise
    except ImproperlyConfigured as error:
        # Django raises this if the driver is not installed.
        return f"{_one_line(error)}; for PostgreSQL: pip install '.[postgres]' in the clone of refunds"
    except Error as error:
        found = explained(error)
        if not found:
            raise
    if found:
        connections.close_all()
    return found


def missing_file() -> str:
    """Return one line if the default database is a SQLite file that does not exist; otherwise an empty text.

    A worker needs no more checks: it can start while PostgreSQL is down, but SQLite would create an empty file.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    return _fault_of_file(connection, making=False)


def explained(error: Error) -> str:
    """Return one line about an error that the database caused; an empty text for any other error."""
    connection = connections[DEFAULT_DB_ALIAS]
    text = _one_line(error)
    if connection.vendor == "sqlite":
        code = getattr(error.__cause__, "sqlite_errorname", "")
        found = [meaning for beginning, meaning in SQLITE.items() if code.startswith(beginning)]
        return f"{_name(connection)} {found[0]} ({text})" if found else ""
    code = getattr(error.__cause__, "sqlstate", None)
    if code == INSUFFICIENT_PRIVILEGE or isinstance(error, MigrationSchemaMissing):
        return f"{_name(connection)} refuses its user: {text}; grant what is missing, or correct DATABASE_URL"
    if isinstance(error, OperationalError | InterfaceError):
        return f"{_name(connection)} cannot be used: {text}; start its server, create it, or correct DATABASE_URL"
    return ""


def _fault_of_file(connection: BaseDatabaseWrapper, *, making: bool) -> str:
    """Check a SQLite file before SQLite opens it: SQLite would create a missing one."""
    path = database_file(connection.settings_dict)
    if path is None:
        return ""
    if not path.exists() and not making:
        return f"there is no database {path}. {_elsewhere()}"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} for the database; make it, or {_named()}"
    if path.exists() and not path.is_file():
        return f"{path} is not a file, so it is not a database; {_named()}"
    # SQLite also writes next to the file, even for a command that only reads.
    for place in (path, path.parent):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            return f"the database {path} is read-only or unreadable for this user: make {place} writable, or {_named()}"
    return ""


def _fault_of_tables(connection: BaseDatabaseWrapper, command: str) -> str:
    """Check the tables and migrations. Raises the errors of the driver as Django's."""
    path = database_file(connection.settings_dict)
    if path is not None and not path.exists():
        return ""  # the command creates it
    connection.introspection.table_names()  # SQLite checks its file when it is first read
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            if cursor.fetchone() == ("on",):  # a standby, or a read-only role
                return f"{_name(connection)} is read-only; name one that can be written in DATABASE_URL"
    if command in MAKING:
        return ""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not any(app == LABEL for app, _ in executor.loader.applied_migrations):
        return f"{_name(connection)} has no tables of refunds. {_elsewhere(on_server=path is None)}"
    if missing and command not in LOOKING:
        first = missing[0][0]
        return (
            f"{_name(connection)} is not fully migrated: it lacks {first.app_label}.{first.name}"
            f"{f' and {len(missing) - 1} more' * (len(missing) > 1)}; run: python -m refunds migrate"
        )
    return ""


def _name(connection: BaseDatabaseWrapper) -> str:
    """Return the path of a SQLite file, or the database and host, without user and password."""
    config = connection.settings_dict
    path = database_file(config)
    if path is not None:
        return f"the database {path}"
    host, port = config.get("HOST"), config.get("PORT")
    return f"the database {config['NAME']}" + (f" on {host}" if host else "") + (f":{port}" if port else "")


def _elsewhere(*, on_server: bool = False) -> str:
    """Return how to reach the right database. The working folder matters only to a SQLite file."""
    if on_server:
        return "Correct DATABASE_URL. Only to create them there: python -m refunds serve, or python -m refunds migrate"
    return (
        f"Change to the folder of your database (this is {Path.cwd()}), or {_named()}. "
        "Only to start a new database here: python -m refunds serve, or python -m refunds migrate"
    )


def _named() -> str:
    return "correct DATABASE_URL" if os.environ.get("DATABASE_URL") else "name the database in DATABASE_URL"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
