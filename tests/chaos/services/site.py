"""A deployment under test: which broker, database, results and scheduler, and a place on each of its own."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from . import own, servers

Broker = Literal["memory", "fakeredis", "redis", "rabbitmq", "quorum"]
Database = Literal["sqlite", "postgres"]
Results = Literal["redis", "database"]
Scheduler = Literal["default", "database", "declared", "redbeat"]


@dataclass(frozen=True)
class Kind:
    """What a deployment is made of. `own`: servers that a scenario may stop, where there are such."""

    broker: Broker = "redis"
    database: Database = "postgres"
    results: Results = "redis"
    scheduler: Scheduler = "default"
    own: bool = False

    def lacks(self) -> str:
        """Why this machine cannot have it; empty where it can."""
        wanted = {"redis": self.broker == "redis" or self.results == "redis" or self.scheduler == "redbeat"}
        wanted |= {"rabbitmq": self.broker in ("rabbitmq", "quorum"), "postgres": self.database == "postgres"}
        needed = [name for name, is_wanted in wanted.items() if is_wanted]
        return next(filter(None, (self._lack(name) for name in needed)), "")

    def _lack(self, name: str) -> str:
        return own.lack(name) if self.own and name != "rabbitmq" else servers.lack(name)

    def options(self) -> tuple[str, ...]:
        """What names it on a command line."""
        chosen = ("--broker", self.broker, "--database", self.database, "--results", self.results)
        return (*chosen, "--scheduler", self.scheduler, *(["--own"] if self.own else []))

    def __str__(self) -> str:
        return "-".join((self.broker, self.database, self.results, self.scheduler)) + ("-own" if self.own else "")


SCHEDULERS: Mapping[Scheduler, str] = {
    "default": "celery.beat:PersistentScheduler",
    "database": "django_celery_beat.schedulers:DatabaseScheduler",
    "declared": "refunds.beat.scheduler:DeclaredScheduler",
    "redbeat": "redbeat.RedBeatScheduler",
}


@dataclass
class Site:
    """A deployment that stands: what its processes read from the environment, and what a fault reaches for."""

    kind: Kind
    broker_url: str = ""
    database_url: str = ""
    results_url: str = "django-db"
    redis: own.Redis | None = None
    postgres: own.Postgres | None = None
    virtual_host: str = ""
    celery: dict[str, Any] = field(default_factory=dict)

    def environment(self, folder: Path, *, chunk_rows: int, payer: str, attempts: int) -> dict[str, str]:
        """The variables, whatever the caller's environment says."""
        return {
            "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
            "DJANGO_SECRET_KEY": "scenarios",
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": self.broker_url,
            "CELERY_RESULT_BACKEND": self.results_url,
            "CELERY_BEAT_SCHEDULER": SCHEDULERS[self.kind.scheduler],
            "REFUNDS_QUEUE_TYPE": "quorum" if self.kind.broker == "quorum" else "classic",
            "REFUNDS_GATEWAY": payer,
            "DJANGO_EMAIL_BACKEND": "tests.chaos.services.payer.LetterBox",
            "REFUNDS_SITE_ATTEMPTS": str(attempts),
            "REFUNDS_SITE_LETTERS": str(folder / "letters"),
            "REFUNDS_SITE_CELERY": json.dumps(self.celery),
            "REFUNDS_SITE_CHUNK_ROWS": str(chunk_rows),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }


@contextmanager
def site(kind: Kind, folder: Path) -> Iterator[Site]:
    """The deployment, with empty places of its own that are gone afterwards; what is a file lies in `folder`."""
    made = Site(kind)
    with ExitStack() as stack:
        redis = _redis(made, stack)
        _broker(made, stack, redis)
        _database(made, stack, folder)
        if kind.results == "redis":
            made.results_url = f"{redis}/1"
        if kind.scheduler == "redbeat":
            made.celery |= {"redbeat_redis_url": f"{redis}/2", "redbeat_lock_timeout": 10}
        yield made


def _redis(made: Site, stack: ExitStack) -> str:
    """The URL of the Redis for whatever wants one, without a database."""
    if made.kind.own:
        made.redis = stack.enter_context(own.Redis())
        return made.redis.url
    prefix = stack.enter_context(servers.key_prefix()) if not servers.lack("redis") else ""
    made.celery |= {
        "redbeat_key_prefix": prefix,
        "result_backend_transport_options": {"global_keyprefix": prefix},
    }
    if made.kind.broker == "redis":
        made.celery["broker_transport_options"] = {"global_keyprefix": prefix}
    return servers.REDIS.rstrip("/")


def _broker(made: Site, stack: ExitStack, redis: str) -> None:
    match made.kind.broker:
        case "memory":
            made.broker_url = "memory://"
        case "fakeredis":
            from refunds.project.embedded.redis_server import RedisServer

            made.broker_url = stack.enter_context(RedisServer()).url(0)
        case "redis":
            made.broker_url = f"{redis}/0"
        case "rabbitmq" | "quorum":
            made.virtual_host, made.broker_url = stack.enter_context(servers.virtual_host())


def _database(made: Site, stack: ExitStack, folder: Path) -> None:
    if made.kind.database == "sqlite":
        made.database_url = f"sqlite:///{folder / 'refunds.sqlite3'}"
    elif made.kind.own:
        made.postgres = stack.enter_context(own.Postgres())
        made.database_url = made.postgres.url
    else:
        made.database_url = stack.enter_context(servers.database())
