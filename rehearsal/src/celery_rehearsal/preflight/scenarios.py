"""Functions that a project declares as scenarios: they run on a database in memory, and what they send is recorded."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.utils.imports import symbol_by_name
from kombu import Connection

from ..atomic_sends import SentInside, sent_inside_atomic
from ..settings import write_settings
from .django import djangos_settings
from .errors import CannotCheckError
from .untouched import guard_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection as Pipe

    from celery import Celery


@dataclass(frozen=True)
class Played:
    """A scenario, what it sent inside a transaction, and why it shows nothing or not all."""

    name: str
    inside: tuple[SentInside, ...] = ()
    failure: str | None = None


def play(app: Celery, name: str) -> Played:
    """Run a scenario, `module:function`, in a copy of this process: nothing that it does stays."""
    context: Any = multiprocessing.get_context("fork")
    reads, writes = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(app, name, writes))
    process.start()
    writes.close()
    try:
        played: Played = reads.recv()
    except EOFError:
        process.join()
        return Played(name, failure=f"its process ended with {process.exitcode}")
    process.join()
    return played


def _tell(app: Any, name: str, pipe: Pipe) -> None:
    # What the scenario prints must not be in the report.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    inside: tuple[SentInside, ...] = ()
    try:
        with ExitStack() as undo:
            _prepare(undo, app)
            inside, failure = _run(symbol_by_name(name))
    except CannotCheckError as error:
        failure = str(error)
    except (Exception, SystemExit) as error:  # the application's own code, which can raise anything
        failure = f"{type(error).__name__}: {error}".partition("\n")[0]
    pipe.send(Played(name, inside, failure))


def _run(scenario: Callable[[], Any]) -> tuple[tuple[SentInside, ...], str | None]:
    if inspect.iscoroutinefunction(scenario):
        raise CannotCheckError("it is asynchronous: give a function that runs it")
    sent: list[Any] = []

    def count(**message: Any) -> None:
        sent.append(message["sender"])

    signals.before_task_publish.connect(count, weak=False)
    with sent_inside_atomic() as found:
        scenario()
    return tuple(found), None if sent else "it sent no message, so it shows nothing"


def _prepare(undo: ExitStack, app: Any) -> None:
    """Let messages go to a broker in memory and rows to a database in memory, as Django's test runner makes it."""
    if djangos_settings() is None:
        raise CannotCheckError("scenarios need Django, and DJANGO_SETTINGS_MODULE is not set")
    guard_network(undo, "it reached for the network, and preflight uses none")
    write_settings(undo, app)
    app._connection = lambda *_arguments, **_options: Connection("memory://")
    app._pool = app.amqp._producer_pool = None
    # Results are not stored: nobody would write the one that a scenario waits for.
    app.backend_cls, app._backend_cache = "disabled", None
    vars(app._local).pop("backend", None)
    _test_databases()


def _test_databases() -> None:
    from django.db import connections
    from django.test.utils import setup_databases, setup_test_environment

    for connection in connections.all():
        creation: Any = connection.creation
        if connection.vendor != "sqlite" or not creation.is_in_memory_db(creation._get_test_db_name()):
            raise CannotCheckError(
                f"the test database {connection.alias!r} is not SQLite in memory, and preflight opens no other. Use "
                "`celery_rehearsal.sent_inside_atomic` in your tests"
            )
    setup_test_environment()
    setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
