"""Logging as Celery's programs set it up: the app's handlers of its signals run, the handlers of the test stay."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from typing import Any

from celery import signals
from celery.app.log import Logging
from kombu.utils import encoding

from .patching import swap_attribute, swap_item

# `celery worker` and `celery beat` log warnings, unless their command line says otherwise.
LOGLEVEL = logging.WARNING

SIGNALS = (signals.setup_logging, signals.after_setup_logger, signals.after_setup_task_logger)

# Celery leaves them for the children of a pool, and configures these loggers.
VARIABLES = ("_MP_FORK_LOGLEVEL_", "_MP_FORK_LOGFILE_", "_MP_FORK_LOGFORMAT_")
LOGGERS = ("", "celery", "celery.redirected", "celery.task", "multiprocessing")

# What a logger is, beside its name and its place among the others.
PARTS = ("handlers", "filters", "level", "propagate", "disabled")


class Logs:
    """The logging of a cluster. Each program sets it up again, as its own process would."""

    def __init__(self, undo: ExitStack, app: Any) -> None:
        self._undo = undo
        self._app = app
        self._before: dict[str, dict[str, Any]] = {}

    def set_up(self, hostname: str | None = None) -> Any:
        """Call the app's handlers of the three signals of logging. Return the answers of `setup_logging`'s.

        They find what they would find in a new process that has imported the app. What they change stays until the end
        of the cluster; the handlers of the test stay beside theirs. Where the app has no handler of these signals,
        nothing changes.
        """
        if not any(signal.receivers for signal in SIGNALS):
            return []
        if not self._before:
            self._before = {name: _look(logger) for name, logger in _loggers().items()}
            self._undo.callback(self._restore, dict(vars(logging)["_handlers"]))
        with ExitStack() as undo:
            log = self._log(undo)
            return log.setup_logging_subsystem(LOGLEVEL, hostname=hostname, colorize=False)

    def _log(self, undo: ExitStack) -> Any:
        log: Any = type("Log", (_Log, type(self._app.log)), {})(self._app)
        before = {name: _look(logging.getLogger(name)) for name in LOGGERS}
        undo.callback(self._merge, log.consoles, before)
        for name in LOGGERS:
            logging.getLogger(name).handlers = [each for each in self._had(name) if each.name]
        swap_attribute(undo, Logging, "_setup", False)
        swap_attribute(undo, encoding, "default_encoding_file", encoding.default_encoding_file)
        for name in VARIABLES:
            swap_item(undo, os.environ, name, "")
        # A new configuration closes every handler that logging has listed, and those of the test are in use.
        listed: Any = vars(logging)["_handlerList"]
        undo.callback(lambda handlers: listed.__setitem__(slice(0, 0), handlers), list(listed))
        listed.clear()
        return log

    def _had(self, name: str) -> list[logging.Handler]:
        """The handlers of a logger before the cluster. Those with a name are the app's: dictConfig gives names."""
        found: list[logging.Handler] = self._before.get(name, {}).get("handlers", [])
        return found

    def _merge(self, consoles: list[logging.Handler], before: dict[str, dict[str, Any]]) -> None:
        for name in LOGGERS:
            logger = logging.getLogger(name)
            tests = [each for each in self._had(name) if not each.name]
            logger.handlers = [*tests, *(h for h in logger.handlers if h not in consoles and h not in tests)]
            if consoles:
                # Celery configured the logger. A level that it did not choose is the app's.
                logger.propagate = before[name]["propagate"]
                if logger.level == LOGLEVEL or name == "multiprocessing":
                    logger.setLevel(before[name]["level"])

    def _restore(self, names: dict[str, logging.Handler]) -> None:
        blank = _look(logging.Logger(""))
        for name, logger in _loggers().items():
            before = self._before.get(name, blank)
            for handler in logger.handlers:
                if handler not in before["handlers"]:
                    handler.close()
            for part in PARTS:
                value = before[part]
                setattr(logger, part, list(value) if isinstance(value, list) else value)
            logger.setLevel(before["level"])
        # A new configuration forgets the names of all handlers, and an incremental one looks for them.
        vars(logging)["_handlers"].clear()
        vars(logging)["_handlers"].update(names)


class _Log:
    """Mixed into Celery's class. Remembers the handlers that Celery makes for the console or the log file."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)  # type: ignore[call-arg] # Celery's class comes after this one
        self.consoles: list[logging.Handler] = []

    def _detect_handler(self, logfile: Any = None) -> Any:
        handler = super()._detect_handler(logfile)  # type: ignore[misc] # as above
        self.consoles.append(handler)
        return handler


def _loggers() -> dict[str, logging.Logger]:
    made = logging.root.manager.loggerDict
    return {"": logging.root} | {name: found for name, found in made.items() if isinstance(found, logging.Logger)}


def _look(logger: logging.Logger) -> dict[str, Any]:
    values = {part: getattr(logger, part) for part in PARTS}
    return {part: list(value) if isinstance(value, list) else value for part, value in values.items()}
