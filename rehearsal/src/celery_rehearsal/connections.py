"""The brokers of a cluster's apps: which of them are one, and that nothing reaches another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from celery import Celery
from celery.app.amqp import AMQP
from kombu import pools
from kombu.utils.url import maybe_sanitize_url

from .broker import Publishing, Tap
from .errors import BadUseError, RealWorldError
from .patching import swap_attribute, swap_contents
from .places import broker_key
from .transports import make_broker, transport_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import ExitStack

    from .members import Part

    Refuse = Callable[[Exception], NoReturn]


def make_brokers(parts: Iterable[Part], on_reject: Callable[[Any, bool], None], refuse: Refuse) -> Publishing:
    """Give each app its broker. Raises BadUseError for two that share one and mean it differently."""
    publishing = Publishing()
    made: dict[Any, Part] = {}
    for part in parts:
        key = _key_of(part)
        first = made.setdefault(key, part)
        mine, theirs = (dict(one.app.conf.broker_transport_options) for one in (part, first))
        if (_kind(part), mine) != (_kind(first), theirs):
            raise BadUseError(
                f"apps {first.app.main!r} and {part.app.main!r} share a broker and differ in their transport or in "
                "broker_transport_options; make these equal, or give the apps different broker URLs"
            )
        new = first is part
        part.broker = make_broker(part.transport, Tap(on_reject, publishing, refuse), part.app) if new else first.broker
    return publishing


def swap_connections(undo: ExitStack, parts: list[Part], refuse: Refuse) -> None:
    """Connect each app to its fake broker, and no other app to any."""
    # kombu keeps every pool it ever made, and with it all that the cluster was.
    swap_contents(undo, pools.connections)
    swap_contents(undo, pools.producers)
    for part in parts:
        _swap_connection(undo, part, parts, refuse)
    _guard_strangers(undo, [part.app for part in parts], refuse)


def _swap_connection(undo: ExitStack, part: Part, parts: list[Part], refuse: Refuse) -> None:
    app = part.app
    original = app._connection
    # Each is three settings, which a start would read a dozen times.
    own = (None, app.conf.broker_read_url, app.conf.broker_write_url)

    def connection(url: Any = None, **kwargs: Any) -> Any:
        owner = part if url in own else _owner(url, parts)
        if owner is None:
            refuse(
                RealWorldError(
                    f"app {app.main!r} asked for a connection to {maybe_sanitize_url(str(url))}. No app of the cluster "
                    "has that broker, so nothing was sent; give the cluster the app that has it: "
                    "VirtualCelery(..., others=[that_app])"
                )
            )
        options = {"transport": owner.broker.transport, "ssl": False, "userid": None, "password": None}
        return original("virtual", **(kwargs | options))

    swap_attribute(undo, app, "_connection", connection)
    # A pool made before holds connections to the app's own broker, and is handed back untouched.
    swap_attribute(undo, app, "_pool", None)
    swap_attribute(undo, app.amqp, "_producer_pool", None)
    undo.callback(lambda: app._pool and app._pool.force_close_all())


def _guard_strangers(undo: ExitStack, ours: list[Any], refuse: Refuse) -> None:
    celery: Any = Celery
    amqp: Any = AMQP
    real_pool, real_producers, real_connection = celery.pool, amqp.producer_pool, celery._connection

    def check(app: Any) -> None:
        if not any(app is one for one in ours):
            where = maybe_sanitize_url(str(app.conf.broker_write_url))
            refuse(
                RealWorldError(
                    f"app {app.main!r} asked for its broker {where} under virtual time, but is not one of the "
                    "cluster's, so nothing was sent; give it to the cluster: VirtualCelery(..., others=[that_app])"
                )
            )

    def connection(app: Any, *args: Any, **kwargs: Any) -> Any:
        check(app)
        return real_connection(app, *args, **kwargs)

    def pool(app: Any) -> Any:
        check(app)
        return real_pool.fget(app)

    def producer_pool(producers: Any) -> Any:
        check(producers.app)
        return real_producers.fget(producers)

    swap_attribute(undo, celery, "_connection", connection)
    # Both keep what they made before the cluster, connections to a server among it.
    swap_attribute(undo, celery, "pool", property(pool))
    swap_attribute(undo, amqp, "producer_pool", property(producer_pool))


def _owner(url: Any, parts: list[Part]) -> Part | None:
    return next((part for part in parts if broker_key(url) == broker_key(part.app.conf.broker_write_url)), None)


def _kind(part: Part) -> str:
    return part.transport or transport_of(part.app)


def _key_of(part: Part) -> Any:
    conf = part.app.conf
    # A prefix keeps apart what one Redis database holds.
    prefix = dict(conf.broker_transport_options).get("global_keyprefix", "")
    return broker_key(conf.broker_write_url), prefix
