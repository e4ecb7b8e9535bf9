"""Celery's programs, `celery worker` and `celery beat`, and their signals, in a process that belongs to the test."""

from __future__ import annotations

import sys
import weakref
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType

from celery import platforms, signals
from celery.app import trace
from celery.app.utils import Settings
from celery.apps import worker as apps_worker
from celery.bin import beat as bin_beat
from celery.bin import worker as bin_worker
from celery.bin.base import CLIContext
from celery.utils.dispatch import Signal
from celery.utils.nodenames import default_nodename, host_format

from .logs import LOGLEVEL
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .logs import Logs
    from .process import Processes

# celery-types leaves most of it out
tracing: Any = trace
apps: Any = apps_worker

COMMANDS: dict[str, Any] = {"worker": bin_worker.worker, "beat": bin_beat.beat}

# Options that the command itself uses, before it makes the program.
COMMANDS_OWN = {"uid", "gid", "hostname", "loglevel", "logfile", "pidfile", "statedb"}

# A cluster replaces the pool. Without one here, or with prefork, the command would import the pool of the settings.
GIVEN = {"worker": ("--pool=solo",), "beat": ()}

# Options that no command line has.
KITS = {"consumer_cls", "timer_cls", "use_eventloop"}


class Program:
    """Mixed into Celery's worker program. Leaves alone what is the test's: logging, output, OS signals, the title."""

    logs: Logs
    hostname: str

    def on_before_init(self, **options: Any) -> None:
        shown = {name: value for name, value in options.items() if name not in KITS}
        super().on_before_init(**shown)  # type: ignore[misc] # Celery's class comes after this one

    def on_after_init(self, **options: Any) -> None:
        super().on_after_init(**options)  # type: ignore[misc] # as above
        self.redirect_stdouts = False

    def setup_logging(self, colorize: bool | None = None) -> Any:
        return self.logs.set_up(self.hostname)

    def install_platform_tweaks(self, worker: Any) -> None:
        """Celery installs its handlers of OS signals here."""

    def set_process_status(self, info: str) -> None:
        """Celery sets the title of the process here."""


def make_program(app: Any, name: str, processes: Processes, mixin: type[Any], **options: Any) -> Any:
    """Make what `celery worker -n name@%h` makes, with `options` over those that the command has without arguments."""
    # To parse a command line takes a tenth of a start. It shows in these alone.
    seen = signals.celeryd_init.receivers or any(app.steps.values()) or any(app.user_options.values())
    parsed = command_options(app, "worker") if seen else {}
    defaults = parsed | dict.fromkeys(("logfile", "pidfile", "pool_cls", "statedb"))
    disable_prefetch = defaults.pop("disable_prefetch", None)
    if disable_prefetch is not None:
        app.conf.worker_disable_prefetch = disable_prefetch
    made: Any = type("Worker", (Program, mixin, app.Worker), {"logs": processes.logs, "__module__": apps.__name__})
    import_modules(app, processes)
    with only_receivers(signals.worker_init, init_receivers()):
        return made(
            hostname=node_name(name), **defaults | {"loglevel": LOGLEVEL, "quiet": True, "no_color": True} | options
        )


def node_name(name: str) -> str:
    """Return the node name of a worker: `name@host` of this machine, where the name does not have a host itself."""
    full: str = host_format(default_nodename(name if "@" in name else f"{name}@%h"))
    return full


def command_options(app: Any, program: str) -> dict[str, Any]:
    """Parse an empty command line as `celery worker` or `celery beat` does; send the app's own options of it."""
    command = copy(COMMANDS[program])
    preload = app.user_options.get("preload", ())
    command.params = [*command.params, *app.user_options.get(program, ()), *preload]
    context = command.make_context(program, list(GIVEN[program]), obj=CLIContext(app=app, no_color=True, workdir=None))
    if preload:
        function = command.callback.__wrapped__.__wrapped__
        sent = {option.name: context.params[option.name] for option in preload}
        signals.user_preload_options.send(sender=function, app=app, options=sent)
    return {name: value for name, value in context.params.items() if name not in COMMANDS_OWN}


def import_modules(app: Any, processes: Processes) -> None:
    """Let each process but the first load the app's modules, for the app's handlers of `import_modules`.

    The start of the cluster did it for the first, and did for all what Celery's own handlers do: import.
    """
    signal: Any = signals.import_modules
    others = [pair for pair in signal.receivers if not _is_celerys(pair[1])]
    if others and processes.started > 1:
        with only_receivers(signal, others):
            app.loader.import_default_modules()


def receive_sigterm(program: Any) -> None:
    """Do what the program does when it receives SIGTERM."""
    with ExitStack() as undo:
        handlers: dict[str, Any] = {}
        # Celery's function makes its handler and installs it here.
        swap_attribute(undo, platforms, "signals", handlers)
        apps._shutdown_handler(program, sig="SIGTERM", how="Warm", verbose=False)
        handlers["SIGTERM"]()


def become_worker(undo: ExitStack, app: Any) -> None:
    """Let this process be one of workers until the stack closes."""
    # Root and its pickles: the user of a test is not the user of production.
    swap_attribute(undo, apps, "check_privileges", lambda accept_content: None)
    # Where warnings are errors, the program would not start.
    swap_attribute(undo, Settings, "maybe_warn_deprecated_settings", lambda settings: False)
    swap_attribute(undo, app, "use_fast_trace_task", True)
    if not hasattr(app.Task, "_stackprotected"):
        undo.callback(tracing.reset_worker_optimizations, app)
    tracing._install_stack_protection()


def init_receivers() -> list[Any]:
    """Return the receivers of `worker_init` without Celery's Django fixup.

    It closes the database connection around each task. That is right in a process of its own, and in this one ends
    the transaction of the test.
    """
    receivers: list[Any] = vars(signals.worker_init)["receivers"]
    return [pair for pair in receivers if _module(pair[1]) != "celery.fixups.django"]


def forget_receivers(undo: ExitStack) -> None:
    """Undoing disconnects what was connected since, but not the handlers of a module that was imported since.

    Such a module will not be imported again, and the next process would connect its handlers.
    """
    modules = set(sys.modules)
    for signal in [found for found in vars(signals).values() if isinstance(found, Signal)]:
        undo.callback(_forget, signal, list(vars(signal)["receivers"] or ()), modules)


def _forget(signal: Any, before: list[Any], modules: set[str]) -> None:
    # In place, and the dead ones too: Celery up to 5.6 sends messages with the list that it found first.
    stays = [pair for pair in signal.receivers or () if pair in before or _module(pair[1]) not in modules]
    if signal.receivers:
        signal.receivers[:] = [pair for pair in stays if not (isinstance(pair[1], ReferenceType) and pair[1]() is None)]
    signal.sender_receivers_cache.clear()


@contextmanager
def only_receivers(signal: Any, receivers: list[Any]) -> Iterator[None]:
    """Let the signal reach no others."""
    with ExitStack() as undo:
        # What has died since is still in the list that comes back; a new one at its address would not connect.
        undo.callback(setattr, signal, "_dead_receivers", True)
        swap_attribute(undo, signal, "receivers", receivers)
        # It remembers for each sender that nobody listens.
        undo.callback(signal.sender_receivers_cache.clear)
        signal.sender_receivers_cache.clear()
        yield


def _is_celerys(receiver: Any) -> bool:
    return _module(receiver).startswith("celery.")


def _module(receiver: Any) -> str:
    function = receiver() if isinstance(receiver, weakref.ReferenceType) else receiver
    # autodiscover_tasks() wraps its method in a promise.
    function = getattr(function, "fun", function)
    return str(getattr(function, "__module__", ""))
