"""Looks at what the seams of an app do: settings, connections and signals, each in less than a millisecond."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from celery import Celery, _state
from celery.app.utils import Settings
from celery.loaders.base import BaseLoader
from celery.schedules import schedule
from celery.utils.dispatch import Signal
from celery.utils.time import timezone


def settings_prefer_the_first_name() -> bool:
    """A change under the first name that the look-up asks for wins over the app's settings."""
    theirs = {"NS_TASK_ALWAYS_EAGER": True, "task_always_eager": True}
    conf: Any = Settings({"task_always_eager": True}, [theirs], (), "NS")
    conf.update({conf._to_keys("task_always_eager")[0]: False})
    return conf.task_always_eager is False and conf.maps[1] is theirs


def settings_are_their_mappings() -> bool:
    """Settings that get other mappings read and write those alone, and tell only their own observers of an update."""
    first: dict[str, Any] = {}
    told: list[Any] = []
    conf: Any = Settings(first, [{"task_routes": "first"}])
    maps: list[dict[str, Any]] = [{}, {"task_routes": "other"}]
    conf.bind_to(lambda *_args, **_settings: told.append("first"))
    vars(conf).update(changes=maps[0], defaults=maps[1:], maps=maps, _observers=[])
    conf.bind_to(lambda *_args, **_settings: told.append("other"))
    conf.update(mine=3)
    return conf.task_routes == "other" and maps[0] == {"mine": 3} and "mine" not in first and told == ["other"]


def app_connects_by_its_attribute() -> bool:
    """An app's connections, to read and to write, come from the attribute that the kit swaps."""
    app = _app()
    app._connection = lambda *_args, **_kwargs: "ours"
    return bool(app.connection_for_read() == app.connection_for_write() == "ours")


def queues_consumed_are_those_declared() -> bool:
    """A worker without queues of its own consumes what the app declares, or else the default queue."""
    app = _app()
    default = list(app.amqp.queues.consume_from)
    declared = app.amqp.Queues({"one": {}, "two": {}})
    return default == [app.conf.task_default_queue] and list(declared.consume_from) == ["one", "two"]


def app_reads_its_thread_local() -> bool:
    """An app's backend and the name of its reply queue are attributes of its thread-local."""
    app = _app()
    app._local = SimpleNamespace(backend="ours", oid="our queue")
    app._backend_cache = None
    return bool(app.backend == "ours" and app.thread_oid == "our queue")


def remote_control_is_broadcast() -> bool:
    """A remote control command goes through `broadcast`."""
    app = _app()
    app.control.broadcast = lambda command, *_args, **_kwargs: command
    return bool(app.control.revoke("id") == "revoke")


def commands_are_looked_up() -> bool:
    """A node of remote control finds a command's function under its name when the command comes."""
    handlers: dict[str, Any] = {}
    node: Any = _app().control.mailbox.Node("node", handlers=handlers, state="state")
    handlers["command"] = lambda state, **arguments: (state, arguments)
    return bool(node.dispatch("command", {"n": 1}) == ("state", {"n": 1}))


def current_app_is_put_back() -> bool:
    """The current app, and whether waiting for results blocks, are what they were set to."""
    state: Any = _state
    before, blocks = state._tls.current_app, state.task_join_will_block()
    app: Any = object()
    try:
        state._set_current_app(app)
        state._set_task_join_will_block(not blocks)
        return state.get_current_app() is app and state.task_join_will_block() is not blocks
    finally:
        state._set_current_app(before)
        state._set_task_join_will_block(blocks)


def loader_loads_once() -> bool:
    """A loader that has loaded does not import the app's modules again."""
    loads: list[int] = []
    loader: Any = BaseLoader(_app())
    loader.import_default_modules = lambda: loads.append(1)
    loader.init_worker()
    loader.init_worker()
    return len(loads) == 1


def signal_asks_its_receivers() -> bool:
    """A signal reaches those whom `receivers` lists when it is sent, and no other."""
    signal: Any = Signal()
    heard: list[int] = []
    signal.connect(lambda **_kwargs: heard.append(1), weak=False)
    signal.send(sender=None)
    kept, signal.receivers = signal.receivers, []
    signal.send(sender=None)
    return len(kept) == len(heard) == 1


def zones_are_remembered_by_name() -> bool:
    """Celery keeps the host's zone, and an app and a schedule keep theirs, where the kit makes them forget it."""
    app, zones, entry = _app(), type(timezone)(), schedule(1)
    app.conf.update(timezone="Asia/Kolkata")
    entry.app = app
    zone = entry.tz
    if vars(entry).pop("tz") is not zone or vars(app).pop("timezone") is not zone:
        return False
    if "tzlocal" in sys.modules and "_cache_tz" not in sys.modules["tzlocal"].get_localzone.__globals__:
        return False
    return zones.local is vars(zones).pop("local")


def _app() -> Any:
    return Celery("seams", broker="memory://", set_as_current=False, fixups=[])
