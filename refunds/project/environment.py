"""What the environment says, as Django's settings want it."""

import os
from typing import Any, Final

import dj_database_url
import django
from django.core.exceptions import ImproperlyConfigured


class BadDatabaseUrl(ImproperlyConfigured):
    """DATABASE_URL cannot be read. The message does not repeat it, because it can hold a password."""


def flag(name: str) -> bool:
    """Whether the variable says yes: 1, true, yes or on."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


# Seconds that a connection to the database is kept: a new one is 5 ms and more of a task (docs/performance.md). As long
# after it a database that has moved to another address is found by all.
CONN_MAX_AGE: Final = 60


def database(url: str) -> dict[str, Any]:
    """The Django database for a URL; SQLite becomes one that several processes can write to. Raises BadDatabaseUrl."""
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=CONN_MAX_AGE, conn_health_checks=True))
    except ValueError:
        raise BadDatabaseUrl(
            "DATABASE_URL is no URL of a database; write it such as sqlite:////srv/refunds/refunds.sqlite3 or "
            "postgres://USER:PASSWORD@HOST/NAME, with %23 for # and the like in a password"
        ) from None
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = {
            # Readers do not wait for the writer; in WAL mode NORMAL loses no commit to a crash of the process.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            # Take the write lock first: a transaction that reads before it writes would fail instead of waiting.
            "transaction_mode": "IMMEDIATE",
            # Seconds to wait for the writer before; longer than any chunk takes.
            "timeout": 20,
            **config.get("OPTIONS", {}),
        }
    return config


def admins(addresses: str) -> list[Any]:
    """The setting ADMINS for addresses separated by commas: Django 5.2 wants names with them, 6.0 wants none."""
    found = [address.strip() for address in addresses.split(",") if address.strip()]
    return found if django.VERSION >= (6, 0) else [(address, address) for address in found]


def codes(text: str) -> tuple[str, ...]:
    """The codes in a text that separates them by commas, each once, in their order and without spaces."""
    return tuple(dict.fromkeys(code.strip() for code in text.split(",") if code.strip()))


def lines_on_stderr() -> dict[str, Any]:
    """The setting LOGGING: warnings and errors, tracebacks included, as lines on standard error.

    Django itself would only mail an error of the web process, to admins that there may be none of. A Celery worker puts
    handlers of its own in the root's place.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "format": "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s",
                # With the offset: Django sets the process's zone to TIME_ZONE, where an hour can come twice in autumn.
                "datefmt": "%Y-%m-%dT%H:%M:%S%z",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        # A 404 is a line in the web server's own log.
        "loggers": {"django.request": {"level": "ERROR"}},
    }
