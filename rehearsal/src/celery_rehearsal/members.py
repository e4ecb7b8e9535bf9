"""Who is in a cluster: its apps, and the names of their workers and beats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from celery.beat import PersistentScheduler
from celery.local import Proxy

from . import schedulers
from .errors import BadUseError
from .process import current_in_beat
from .transports import check_transport

if TYPE_CHECKING:
    from .broker import Broker
    from .process import Processes
    from .results import ProcessLocal

    Workers = int | Iterable[str] | Mapping[str, Iterable[str]]

# Given as a worker's queues: each queue that the app declares, and each that a task is sent to.
EVERY = "*"


@dataclass
class Part:
    """One app of a cluster, with what is wanted of it. `prefix` begins the names of members given as a number."""

    app: Any
    transport: str | None
    workers: Workers
    beats: int | Iterable[str]
    prefix: str = ""
    broker: Broker = field(init=False)
    processes: Processes = field(init=False)
    locals: ProcessLocal = field(init=False)
    # The class of its beats' scheduler, and whether that may keep a file.
    scheduler: Any = None
    on_disk: bool = False
    # The current app of its beats' processes, None for Celery's default app.
    beats_app: Any = field(init=False)

    def __post_init__(self) -> None:
        check_transport(self.transport)
        # Both are looked at more than once.
        if isinstance(self.workers, Mapping):
            self.workers = {name: queue_list(name, queues) for name, queues in self.workers.items()}
        elif not isinstance(self.workers, int | str):
            self.workers = list(self.workers)
        # A proxy, such as current_app, keeps nothing that is set on it.
        self.app = self.app._get_current_object() if isinstance(self.app, Proxy) else self.app
        # Before the cluster makes its own the current one.
        self.beats_app = current_in_beat(self.app)

    def choose_scheduler(self, wanted: Any, in_memory: type[Any]) -> None:
        """Find the scheduler that `celery beat` takes. Celery's own, unless it was asked for, runs as `in_memory`."""
        found = schedulers.find(self.app, wanted)
        self.on_disk = wanted is not None or found is not PersistentScheduler
        self.scheduler = found if self.on_disk else in_memory

    def worker_queues(self, default: Iterable[str]) -> dict[str, list[str]]:
        """Queues by worker name. A worker given without queues consumes those of a worker started without `-Q`."""
        if not isinstance(self.workers, Mapping):
            return {name: list(default) for name in _names("worker", self.workers, self.prefix)}
        return {name: list(queues) for name, queues in self.workers.items()}

    def beat_names(self) -> list[str]:
        """beat1, beat2, ... for a number; the names as they are otherwise."""
        return _names("beat", self.beats, self.prefix)


def parts(main: Part, others: Iterable[Any] | Mapping[Any, Mapping[str, Any]]) -> list[Part]:
    """The cluster's apps. Raises BadUseError for an app that is there twice, and for two members of one name."""
    wanted = others if isinstance(others, Mapping) else {app: {} for app in others}
    found = [main]
    for number, (app, options) in enumerate(wanted.items(), start=2):
        unknown = set(options) - {"transport", "workers", "beats"}
        if unknown:
            raise BadUseError(f"others: no option {', '.join(sorted(unknown))}; give transport, workers, beats")
        prefix = f"{getattr(app, 'main', None) or f'app{number}'}-"
        made = Part(
            app,
            options.get("transport", main.transport),
            options.get("workers", 0),
            options.get("beats", 0),
            prefix,
        )
        if any(made.app is part.app for part in found):
            raise BadUseError(f"others: app {made.app.main!r} is in the cluster twice; give it once")
        found.append(made)
    names = [name for part in found for name in (*part.worker_queues(()), *part.beat_names())]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadUseError(f"two members of the cluster are named {', '.join(twice)}; give each its own name")
    return found


def queue_list(name: str, queues: Iterable[str]) -> list[str]:
    """The queues of a worker. Raises BadUseError for a string, whose letters they would be, and for none at all."""
    if isinstance(queues, str) and queues != EVERY:
        raise BadUseError(f'worker {name!r}: queues {queues!r}: give a list of queue names, or "*" for every queue')
    found = list(queues)
    if not found:
        raise BadUseError(f"worker {name!r} has no queue; give it one, or leave it out")
    return found


def _names(kind: str, wanted: int | Iterable[str], prefix: str) -> list[str]:
    if isinstance(wanted, str) or not isinstance(wanted, int | Iterable):
        raise BadUseError(f"{kind}s={wanted!r}: give a number or a list of names")
    names = [f"{prefix}{kind}{n}" for n in range(1, wanted + 1)] if isinstance(wanted, int) else list(wanted)
    if isinstance(wanted, int) and wanted < 0:
        raise BadUseError(f"{kind}s={wanted}: give 0 or more")
    if len(set(names)) != len(names):
        raise BadUseError(f"{kind}s={names}: give each name once")
    return names
