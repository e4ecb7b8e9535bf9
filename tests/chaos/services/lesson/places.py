"""Where the lesson runs on servers: each broker, each result backend, and what Celery is told for them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from celery import signals
from django.core.management import call_command
from django.db import connections
from django.test.utils import override_settings
from kombu.transport import memory

from lesson.worker import Lane
from refunds.project.embedded.redis_server import RedisServer
from refunds.project.environment import database

from .. import servers

BROKERS = ("memory", "fakeredis", "redis", "rabbitmq", "quorum")
RESULTS = ("redis", "postgres", "sqlite")
# The server that each wants, where it wants one.
SERVER = {"redis": "redis", "rabbitmq": "rabbitmq", "quorum": "rabbitmq", "postgres": "postgres"}

# Every queue is a quorum queue, and none hangs on a direct exchange: RabbitMQ's delayed delivery reaches it through a
# topic. The first two name the queue `celery`, the others those that routes name.
QUORUM: Mapping[str, Any] = {
    "task_default_queue_type": "quorum",
    "task_default_exchange_type": "topic",
    "task_create_missing_queue_type": "quorum",
    "task_create_missing_queue_exchange_type": "topic",
}

lack = cache(servers.lack)


class Places:
    """What servers give to the lanes of a session: made when first asked for, gone when `stack` closes."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._made: dict[str, str] = {}
        self.virtual_hosts: dict[str, str] = {}

    def broker(self, kind: str) -> tuple[str, Mapping[str, Any]]:
        """The URL of a broker, and Celery's settings for it."""
        match kind:
            case "memory":
                # It looks for messages once a second.
                return "memory://", {"broker_transport_options": {"polling_interval": 0.01}}
            case "fakeredis":
                return self._once(kind, lambda: self._stack.enter_context(RedisServer()).url(0)), {}
            case "redis":
                return servers.REDIS, {"broker_transport_options": self._prefix()}
            case "rabbitmq" | "quorum":
                return self._once(kind, lambda: self._virtual_host(kind)), QUORUM if kind == "quorum" else {}
        raise ValueError(f"broker {kind!r}: one of {', '.join(BROKERS)}")

    def results(self, kind: str) -> tuple[str, Mapping[str, Any]]:
        """The result backend, and Celery's settings for it."""
        if kind == "redis":
            return servers.REDIS, {"result_backend_transport_options": self._prefix()}
        # Or django-celery-results keeps no traceback.
        return "django-db", {"result_extended": True}

    def database(self, kind: str) -> str:
        """The URL of the database for results, with nothing in it when it is first asked for."""
        if kind == "sqlite":
            return f"sqlite:///{self._folder / 'results.sqlite3'}"
        return self._once(kind, lambda: self._stack.enter_context(servers.database()))

    def lane(self, broker: str, results: str) -> Lane:
        """Both."""
        broker_url, settings = self.broker(broker)
        result_backend, more = self.results(results)
        return Lane(broker_url, result_backend, {**settings, **more})

    def _once(self, kind: str, make: Any) -> str:
        if kind not in self._made:
            self._made[kind] = make()
        return self._made[kind]

    def _prefix(self) -> dict[str, str]:
        return {"global_keyprefix": self._once("redis", lambda: self._stack.enter_context(servers.key_prefix()))}

    def _virtual_host(self, kind: str) -> str:
        self.virtual_hosts[kind], url = self._stack.enter_context(servers.virtual_host())
        return url


class Router:
    """django-celery-results lives in the database `results`, and nothing else does."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        return "results" if model._meta.app_label == "django_celery_results" else None

    db_for_write = db_for_read

    def allow_migrate(self, alias: str, app_label: str, **_hints: Any) -> bool:
        return (alias == "results") == (app_label == "django_celery_results")


@contextmanager
def results_in_django(url: str) -> Iterator[None]:
    """Django with django-celery-results, whose tables are in a database besides that of the tests, in all threads."""
    from django.conf import settings
    from django.contrib import admin

    apps = [*settings.INSTALLED_APPS, "django_celery_results"]
    with (
        override_settings(INSTALLED_APPS=apps, DATABASE_ROUTERS=[f"{__name__}.Router"]),
        mock.patch.dict(connections.settings, {"results": database(url)}),
        # Apps that become ready bring their pages, which would outlive them.
        mock.patch.dict(admin.site._registry),
    ):
        connections.configure_settings(connections.settings)
        signals.task_postrun.connect(_close)
        try:
            call_command("migrate", "django_celery_results", database="results", verbosity=0)
            yield
        finally:
            signals.task_postrun.disconnect(_close)
            _close()
            del connections["results"]


def _close(**_signal: Any) -> None:
    """End this thread's connection, as after each task Celery's Django fixup does, which the lesson leaves out."""
    connections["results"].close()


@contextmanager
def broker_in_memory() -> Iterator[None]:
    """kombu's, which is one for the process; empty before and after."""
    with mock.patch.dict(memory.Channel.queues, clear=True):
        try:
            yield
        finally:
            memory.Transport.global_state.clear()
