"""What rules read of the loaded application. Nothing here changes it, or opens a connection."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from celery.app import task as _task_module
from celery.app.routes import Router, prepare
from celery.exceptions import CDeprecationWarning
from celery.utils.imports import load_extension_class_names, symbol_by_name
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

from .calls import Call, calls
from .errors import CannotCheckError
from .scenarios import Played, play
from .sources import Sources, function_of
from .times import this_year, times
from .visibility import visibility_timeout

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path
    from types import FunctionType

    from celery import Celery

    from .entries import Entry
    from .findings import Place
    from .suppressions import Configuration
    from .times import Times

# celery-types leaves most of these out.
task_module: Any = _task_module
extensions: Any = load_extension_class_names


class _AnyQueue(dict[str, Queue]):
    """Celery's router looks each queue up. Its own table would declare the missing ones in the application."""

    def __missing__(self, name: str) -> Queue:
        return Queue(name)


@dataclass(frozen=True)
class LoadedApp:
    """A Celery application after `celery -A` has loaded it and its tasks."""

    app: Celery
    configuration: Configuration
    folder: Path
    # Firings are looked at from here on.
    start: datetime = field(default_factory=this_year)
    # Whether to read the entries that only a database scheduler has.
    rows: bool = False

    @property
    def conf(self) -> Any:
        """The settings, as Celery reads them."""
        return self.app.conf

    @property
    def namespace(self) -> str | None:
        """What the names of settings begin with, such as CELERY."""
        app: Any = self.app
        return app.namespace or None

    @cached_property
    def sources(self) -> Sources:
        """The application's files."""
        return Sources(self.folder)

    @cached_property
    def tasks(self) -> dict[str, Any]:
        """The tasks that are not Celery's own, by name."""
        own = {name: task for name, task in self.app.tasks.items() if not name.startswith("celery.")}
        return dict(sorted(own.items()))

    @cached_property
    def functions(self) -> dict[str, FunctionType | None]:
        """The functions of the tasks, by the tasks' names."""
        return {name: function_of(task) for name, task in self.tasks.items()}

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries that the settings declare and, with `rows`, those of the database; without Celery's own."""
        return [each.entry for each in self.times.values()]

    @cached_property
    def times(self) -> dict[str, Times]:
        """The firings of each entry, by its name."""
        found = times(self.app, self.start, rows=self.rows)
        return {name: each for name, each in found.items() if not each.entry.task.startswith("celery.")}

    def check_store(self) -> None:
        """Raise CannotCheckError where rows are wanted and cannot be read."""
        if self.rows and not hasattr(self.scheduler, "Model"):
            raise CannotCheckError(f"--rows reads a database, and {self.conf.beat_scheduler!r} has none")
        if self.rows:
            self.times  # noqa: B018 - it is kept for the rules

    def period(self, entry: Entry) -> timedelta | None:
        """The shortest time between two runs, or None where it is not known."""
        return self.times[entry.name].period

    @cached_property
    def calls(self) -> list[Call]:
        """The calls in the application's source that surely send a task."""
        return list(calls(self.sources))

    @cached_property
    def scenarios(self) -> list[Played]:
        """What the declared scenarios did when they ran, each in a process of its own."""
        return [play(self.app, name) for name in self.configuration.scenarios]

    def is_used(self, name: str) -> bool:
        """Tell whether the task is the application's own, or is called or has an entry. A package can bring others."""
        function = self.functions.get(name)
        own = {str(module.path) for module in self.sources.modules}
        return (
            (function is not None and function.__code__.co_filename in own)
            or any(call.task.name == name for call in self.calls)
            or any(entry.task == name for entry in self.entries)
        )

    def time_limits(self, name: str) -> tuple[float | None, float | None]:
        """The soft and the hard time limit of a task: its own, or those of the settings, which the worker applies."""
        task, conf = self.tasks[name], self.conf
        soft = conf.task_soft_time_limit if task.soft_time_limit is None else task.soft_time_limit
        return soft, conf.task_time_limit if task.time_limit is None else task.time_limit

    def place_of_task(self, name: str) -> Place | None:
        """The line on which the task's function begins."""
        return self.sources.place_of(self.functions.get(name))

    def place_of_entry(self, name: str) -> Place | None:
        """The line that names the entry, where one line does."""
        return self.sources.place_of_string(name)

    def place_of_setting(self, name: str) -> Place | None:
        """The line that assigns a setting, by its own name or behind the application's namespace."""
        behind = [f"{self.namespace}_{name.upper()}"] if self.namespace else []
        return self.sources.place_of_name(name, *behind)

    @cached_property
    def default_place(self) -> Place:
        """For formats that need a file in each finding: the module that makes the application."""
        for module in self.sources.modules:
            if any(value is self.app for value in module.names.values()):
                return self.sources.place(module.path, 1)
        return self.sources.place(self.folder / "pyproject.toml", 1)

    def queue_of(self, name: str, options: dict[str, Any] | None = None) -> str | None:
        """The queue that Celery routes a message of this task to. None where a router of the application fails."""
        task = self.tasks.get(name)
        # As Task.apply_async merges them. A router can change its argument: it gets a copy.
        with warnings.catch_warnings():
            # A task's `queue` is deprecated: sending it warns, not preflight.
            warnings.simplefilter("ignore", CDeprecationWarning)
            own = task_module.extract_exec_options(task) if task else {}
        merged = {**own, **(options or {})}
        router = Router(prepare(self.conf.task_routes), _AnyQueue(), app=self.app)
        try:
            found = router.route(merged, name, (), {}, task).get("queue")
        except Exception:  # the application's own router, which can raise anything
            return None
        return getattr(found, "name", found)

    @cached_property
    def declared_queues(self) -> list[str]:
        """The names in `task_queues`; without it, the default queue."""
        declared = self.conf.task_queues or [self.conf.task_default_queue]
        return [getattr(queue, "name", queue) for queue in declared]

    def declared_queue(self, name: str | None) -> Any:
        """The queue of this name in `task_queues`, or None."""
        declared = self.conf.task_queues or []
        named = {getattr(queue, "name", queue): queue for queue in declared}
        return named.get(name)

    @cached_property
    def broker_urls(self) -> list[str]:
        """Where messages are sent to, without a connection."""
        url = self.conf.broker_write_url or ""
        return [each.strip() for each in (url.split(";") if isinstance(url, str) else url) if each.strip()]

    @cached_property
    def broker_transport(self) -> str:
        """The module of kombu's transport, such as `kombu.transport.redis`. Empty where the broker is not known."""
        scheme = self.broker_urls[0].partition("://")[0] if self.broker_urls else ""
        named = self.conf.broker_transport or scheme.partition("+")[0] or "amqp"
        alias = TRANSPORT_ALIASES.get(named, named)
        return str(alias).partition(":")[0]

    @cached_property
    def visibility_timeout(self) -> float | None:
        """Seconds after which Redis or SQS gives an unacknowledged message to another worker. None on other brokers."""
        return visibility_timeout(self.broker_transport, self.conf.broker_transport_options or {})

    @cached_property
    def scheduler(self) -> Any:
        """The class of beat's scheduler, found as beat finds it. None where it cannot be imported."""
        aliases = dict(extensions("celery.beat_schedulers"))
        try:
            return symbol_by_name(self.conf.beat_scheduler, aliases=aliases)
        except Exception:  # an import can raise anything
            return None
