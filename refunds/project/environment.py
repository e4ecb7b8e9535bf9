"""Convert environment variables to values of Django's settings."""

import os
from typing import Any, Final

import dj_database_url
import django
from django.core.exceptions import ImproperlyConfigured


class BadDatabaseUrl(ImproperlyConfigured):
    """DATABASE_URL cannot be read. The message does not repeat it, because it can hold a password."""


def flag(name: str) -> bool:
    """Return whether the variable is 1, true, yes or on."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


# Seconds for which a process keeps a connection to the database: a new one takes 5 ms or more of a task
# (docs/performance.md). If the database moves to another address, processes find it within this time.
CONN_MAX_AGE: Final = 60


def database(url: str) -> dict[str, Any]:
    """Return the Django database for a URL. Several processes can write to a SQLite one. Raises BadDatabaseUrl."""
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=CONN_MAX_AGE, conn_health_checks=True))
    except ValueError:
        raise BadDatabaseUrl(
            "DATABASE_URL is not the URL of a database; write it as sqlite:////srv/refunds/refunds.sqlite3 or "
            "postgres://USER:PASSWORD@HOST/NAME, with %23 for # and so on in a password"
        ) from None
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = {
            # Readers do not wait for the writer; in WAL mode NORMAL loses no commit to a crash of the process.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            # Take the write lock first: a transaction that reads before it writes would fail instead of waiting.
            "transaction_mode": "IMMEDIATE",
            # Seconds to wait for another writer: longer than any chunk takes.
            "timeout": 20,
            **config.get("OPTIONS", {}),
        }
    return config


def admins(addresses: str) -> list[Any]:
    """Return the setting ADMINS for addresses separated by commas: Django 5.2 needs names too, 6.0 only addresses."""
    found = [address.strip() for address in addresses.split(",") if address.strip()]
    return found if django.VERSION >= (6, 0) else [(address, address) for address in found]


def codes(text: str) -> tuple[str, ...]:
    """Return the codes in a text with commas between them: each once, in order, without spaces."""
    return tuple(dict.fromkeys(code.strip() for code in text.split(",") if code.strip()))


def lines_on_stderr() -> dict[str, Any]:
    """Return the setting LOGGING: warnings and errors, with tracebacks, as lines on standard error.

    Django only mails an error of the web process to the admins, whom a project need not name. A Celery worker replaces
    the root logger's handlers with its own.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "format": "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s",
                # Show the offset: Django sets the process's zone to TIME_ZONE, which can repeat an hour in autumn.
                "datefmt": "%Y-%m-%dT%H:%M:%S%z",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        # The web server's own log has a line for each 404.
        "loggers": {"django.request": {"level": "ERROR"}},
    }
