"""What reading an application's schedule must leave as it was, and what it must not reach."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Any

from celery import _state
from celery.app.backends import by_url
from celery.utils.time import timezone as celerys_zone

from ..containers import keep_settings
from ..patching import keep_attribute, swap_attribute, swap_contents, swap_item
from ..process import current_in_beat
from .errors import CannotCheckError, ReachedNetworkError

if TYPE_CHECKING:
    from contextlib import ExitStack

# Chosen instead of a scheduler that needs a server, it shows what the settings declare.
DECLARED = "celery.beat:PersistentScheduler"


def keep(undo: ExitStack, app: Any) -> None:
    """Let the application and what Celery remembers change at will until the stack closes."""
    swap_contents(undo, vars(celerys_zone))
    if tzlocal := sys.modules.get("tzlocal"):
        remembered = tzlocal.get_localzone.__globals__
        for name in ("_cache_tz", "_cache_tz_name"):
            undo.callback(remembered.__setitem__, name, remembered[name])
    keep_attribute(undo, _state, "default_app")
    swap_contents(undo, vars(vars(_state)["_tls"]))
    # An entry that has been through beat's file asks the current app for its zone.
    vars(vars(_state)["_tls"])["current_app"] = current_in_beat(app)
    swap_contents(undo, vars(app))
    swap_contents(undo, vars(app._local))
    # The AMQP object that the scheduler asks for adds itself to those who hear of changed settings.
    swap_item(undo, vars(app.conf), "_observers", list(vars(app.conf)["_observers"]))
    keep_settings(undo, app.conf)
    declared = app.conf.beat_schedule
    for entry in declared.values():
        schedule = entry.get("schedule") if isinstance(entry, dict) else getattr(entry, "schedule", None)
        if hasattr(schedule, "__dict__"):
            swap_contents(undo, vars(schedule))


def keep_results_closed(app: Any) -> None:
    """Let beat ask the class of the result backend whether results expire. Some backends connect when they are made.

    After `keep`, which takes it back. Raises CannotCheckError for a backend that cannot be imported.
    """
    if not app.conf.result_expires:
        return
    try:
        found: Any = by_url(app.backend_cls or app.conf.result_backend, app.loader)
    except Exception as error:  # an import can raise anything
        why = f"{type(error).__name__}: {error}. Beat asks it whether results expire"
        raise CannotCheckError(f"the result backend cannot be imported: {why}") from error
    app._backend_cache = found[0]


def guard_network(undo: ExitStack, refusal: str) -> None:
    """Raise ReachedNetworkError where Python code connects or looks a host up, until the stack closes."""

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise ReachedNetworkError(refusal)

    swap_attribute(undo, socket, "getaddrinfo", refuse)
    swap_attribute(undo, socket.socket, "connect", refuse)
    swap_attribute(undo, socket.socket, "connect_ex", refuse)
