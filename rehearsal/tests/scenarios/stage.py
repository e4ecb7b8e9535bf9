"""What a scenario is written against: the same in a real worker process, in a real publisher and under the kit."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

from celery import Celery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Seconds. A step is longer than the time between two messages, and short enough for a test. A busy machine is given
# longer ones.
STEP = float(os.environ.get("REHEARSAL_STEP", "0.8"))

# A step in whole seconds, for settings that take no fraction.
SECOND = max(1, round(STEP))

# For a scenario that uses remote control.
CONTROL: dict[str, Any] = {"worker_enable_remote_control": True}

# Seconds until the pool has replaced a child that is gone: it looks every five seconds.
RENEWAL = 6.0

# What every scenario's app has. Remote control is for those that use it. The rest keeps a worker from talking.
SETTINGS = {
    "timezone": "Europe/Kyiv",
    "worker_enable_remote_control": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "broker_connection_retry_on_startup": False,
    "worker_concurrency": 1,
}


class World(Protocol):
    """Where a scenario happens: real processes, or a cluster of the kit."""

    def note(self, text: str) -> None:
        """Remember something, in whatever process."""

    def noted(self) -> list[str]:
        """Everything noted so far, in order."""

    def act(self, what: str) -> None:
        """Do one of "kill_worker", "stop_worker", "start_worker" and "add_worker"."""

    def ready(self) -> dict[str, int]:
        """How many messages each queue of the scenario has that no worker has taken."""

    def lose_child(self) -> NoReturn:
        """Let the pool child that runs this task die of SIGKILL."""


@dataclass
class Stage:
    """A scenario's own corner of an app: its tasks, its queues, its notes.

    `name` is the scenario's, `prefix` what keeps its queues apart from those of other runs on the same server.
    `queues` are those that its worker consumes, `names` all of them.
    """

    app: Celery
    name: str
    world: World
    prefix: str = ""
    queues: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    connected: list[tuple[Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # What Celery's own tasks are sent to, as the one that collects a group's results.
        self.app.conf.task_default_queue = f"{self.prefix}default"
        self.queue = self.new_queue()
        routes = self.app.conf.task_routes or {}
        self.app.conf.task_routes = {**routes, f"{self.name}.*": {"queue": self.queue}}

    def new_queue(self, name: str = "") -> str:
        """A queue of the scenario's that its worker consumes."""
        self.queues.append(self.unconsumed(name))
        return self.queues[-1]

    def unconsumed(self, name: str = "") -> str:
        """The name of a queue that no worker consumes."""
        self.names.append(f"{self.prefix}{self.name}{name and '.'}{name}")
        return self.names[-1]

    def task(self, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Define a task; what is sent of it goes to the scenario's queue unless the call says otherwise."""

        def define(function: Callable[..., Any]) -> Any:
            make: Any = self.app.task  # untyped
            return make(name=f"{self.name}.{function.__name__}", shared=False, **options)(function)

        return define

    def long_job(self, seconds: float = 2 * STEP) -> Any:
        """Define the task `job(n)`, which notes its begin, takes so long, and notes its end."""

        @self.task()
        def job(n: int) -> None:
            self.note("begin", n)
            time.sleep(seconds)
            self.note("end", n)

        return job

    def note(self, *parts: Any) -> None:
        """Remember a side effect."""
        self.world.note(" ".join(map(str, parts)).replace(self.prefix or "\0", ""))

    def count(self, text: str) -> int:
        """How often something was noted so far, in whatever process."""
        return Counter(self.world.noted())[text]

    def listen(self, signal: Any, text: str, show: Callable[..., Any] | None = None) -> None:
        """Note each time Celery sends a signal about one of the scenario's tasks, with what `show` makes of it."""

        def heard(sender: Any = None, **found: Any) -> None:
            about = [sender, found.get("request"), found.get("task")]
            names = [item if isinstance(item, str) else getattr(item, "name", "") for item in about]
            if any(str(name).startswith(f"{self.name}.") for name in names):
                self.note(text, *([] if show is None else [show(**found)]))

        signal.connect(heard, weak=False)
        self.connected.append((signal, heard))

    def note_ready(self) -> None:
        """Note how many messages each queue has that no worker has taken."""
        self.note("ready", *(f"{queue} {count}" for queue, count in sorted(self.world.ready().items()) if count))

    def kill_worker(self) -> None:
        """SIGKILL of the worker and all of its processes."""
        self.world.act("kill_worker")

    def stop_worker(self) -> None:
        """SIGTERM, and wait for the end: a warm shutdown."""
        self.world.act("stop_worker")

    def start_worker(self) -> None:
        """Start the worker again."""
        self.world.act("start_worker")

    def add_worker(self) -> None:
        """Start a second worker with the same queues, which runs to the end of the scenario."""
        self.world.act("add_worker")

    def lose_child(self) -> NoReturn:
        """Let the pool child that runs this task die of SIGKILL."""
        self.world.lose_child()


# Up to the first `yield` a scenario defines; after it, it publishes, and each `yield` is a wait in seconds.
Story: TypeAlias = "Callable[[Stage], Iterator[float]]"


@dataclass(frozen=True)
class Scenario:
    """A story, the brokers on which it is told, and the worker it needs.

    `alone` is a worker process of its own: for a story that ends it, has settings of its own, or counts its slots.
    """

    name: str
    story: Story
    on: tuple[str, ...]
    alone: bool
    settings: dict[str, Any]
    ordered: bool

    def app(self, broker: str, backend: str, **settings: Any) -> Celery:
        """An app with this scenario's settings."""
        app = Celery("scenarios", broker=broker, backend=backend, set_as_current=False, fixups=[])
        app.conf.update({**SETTINGS, **self.settings, **settings})
        return app


SCENARIOS: dict[str, Scenario] = {}
BOTH = ("redis", "amqp")


def scenario(
    *, on: tuple[str, ...] = BOTH, alone: bool = False, ordered: bool = True, **settings: Any
) -> Callable[[Story], Story]:
    """Register a story under its function's name.

    `ordered=False` is for notes, and runs of one message, whose order two processes decide.
    """

    def register(story: Story) -> Story:
        name = story.__name__
        assert name not in SCENARIOS
        assert story.__doc__
        SCENARIOS[name] = Scenario(name, story, on, alone or bool(settings), settings, ordered)
        return story

    return register
