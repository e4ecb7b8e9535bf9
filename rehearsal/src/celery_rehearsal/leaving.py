"""Exceptions that are meant for the test and not for Celery, and how they get past it."""

from __future__ import annotations

import bdb
import functools
import sys
import unittest
from typing import TYPE_CHECKING, Any, NoReturn

from celery import Task
from celery.utils.dispatch import Signal

from .errors import Escape, TestkitError
from .patching import swap_attribute

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Methods of a task that users override and that Celery calls outside of `run`.
METHODS = ("before_start", "on_success", "on_failure", "on_retry", "after_return")


def is_verdict(error: BaseException) -> bool:
    """Whether an exception is a message to the test runner. Several derive from Exception, which Celery catches."""
    return isinstance(error, (AssertionError, unittest.SkipTest, bdb.BdbQuit, KeyboardInterrupt, *_runners()))


def guarded(function: Callable[..., Any], leave: Callable[[BaseException], None]) -> Callable[..., Any]:
    """The function; `leave` sees what is raised in it, and can raise something that Celery does not catch."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            leave(error)
            raise

    return wrapper


def refused(receiver: Callable[..., Any], refuse: Callable[[Exception], NoReturn]) -> Callable[..., Any]:
    """The kit's receiver of a signal. Celery only logs what one raises, and the timeline would lack a record."""

    @functools.wraps(receiver)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return receiver(*args, **kwargs)
        except Exception as error:
            fault = f"celery-rehearsal cannot record what happened, and the timeline would lack it: {error!r}"
            refuse(error if isinstance(error, TestkitError) else TestkitError(fault))

    return wrapper


def guard_methods(undo: ExitStack, task: Any, leave: Callable[[BaseException], None]) -> None:
    """Guard what a task's class overrides."""
    for name in METHODS:
        if getattr(type(task), name) is not getattr(Task, name):
            swap_attribute(undo, task, name, guarded(getattr(task, name), leave))
    if type(task).__call__ is not Task.__call__:
        # Python looks up `__call__` in the class.
        swap_attribute(undo, type(task), "__call__", guarded(type(task).__call__, leave))


def guard_signals(undo: ExitStack, leave: Callable[[BaseException], None], in_member: Callable[[], bool]) -> None:
    """Guard every handler of Celery's signals, those of the test's own calls too."""
    signal: Any = Signal
    real, real_send = signal._live_receivers, signal.send

    def live_receivers(self: Any, sender: Any) -> list[Callable[..., Any]]:
        return [guarded(receiver, leave) for receiver in real(self, sender)]

    def send(self: Any, sender: Any, **named: Any) -> Any:
        try:
            return real_send(self, sender, **named)
        except Escape as end:
            if in_member():
                raise
            # The test called, or starts a worker: nothing is in between that could swallow it.
            error = end.error
        raise error

    swap_attribute(undo, signal, "_live_receivers", live_receivers)
    swap_attribute(undo, signal, "send", send)
    swap_attribute(undo, signal, "send_robust", send)


def _runners() -> list[type[BaseException]]:
    # Code that raises one has imported its library; the kit needs neither.
    found: list[type[BaseException]] = []
    if pytest := sys.modules.get("pytest"):
        found += [getattr(pytest, name).Exception for name in ("exit", "fail", "skip")]
    if errors := sys.modules.get("hypothesis.errors"):
        found += [errors.UnsatisfiedAssumption, errors.StopTest]
    return found
