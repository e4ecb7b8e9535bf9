"""The internals of kombu's transports and of fakeredis that the kit holds on to."""

from __future__ import annotations

import importlib
from typing import Any

from . import extras
from .seam_looks import Seam, does, has, takes

CHANNEL = "kombu.transport.virtual.base:Channel"
REDIS = "kombu.transport.redis:"


def _server() -> Any:
    return importlib.import_module("fakeredis").FakeServer()


BROKER_SEAMS: tuple[Seam, ...] = (
    Seam("virtual channel", "tapped", has(CHANNEL, "basic_publish", "basic_reject", "_put", "_restore", "do_restore")),
    Seam("virtual QoS", "read for pending()", has("kombu.transport.virtual.base:QoS", "_delivered", "_dirty")),
    Seam(
        "memory channel",
        "queues of its own",
        has(CHANNEL, "_lookup", "_new_queue", "_has_queue", "_put", "basic_cancel", "prepare_queue_arguments"),
    ),
    Seam("channel's consumers", "found by tag", takes(f"{CHANNEL}.__init__", "_tag_to_queue", "_active_queues")),
    Seam("AMQP arguments", "read from a queue", has("kombu.transport.base", "to_rabbitmq_queue_arguments")),
    Seam("transport aliases", "name the broker", has("kombu.transport", "TRANSPORT_ALIASES")),
    Seam(
        "transport waits", "virtual", takes("kombu.transport.virtual.base:Transport.drain_events", "_deliver", "cycle")
    ),
    Seam("memory exchanges", "known or not", has("kombu.transport.memory:Transport.global_state", "exchanges")),
    Seam("fanout of a channel", "has no queue", has("kombu.transport.memory:Channel", "_put_fanout")),
    Seam("broker URL", "tells brokers apart", takes("kombu.utils.url:url_to_parts", "urlparse", "path")),
)

# Nobody looks at them without the extra: the kit does not use them then.
REDIS_SEAMS: tuple[Seam, ...] = (
    Seam(
        "Redis channel",
        "on the fake server",
        does("worker_behaviour.channel_sends_one_brpop", has(f"{REDIS}Channel", "_in_poll", "_get_pool")),
    ),
    Seam("Redis keys", "looked into", has(f"{REDIS}Channel", "_q_for_pri", "unacked_key", "_get_message_priority")),
    Seam("Redis fanout", "heard", has(f"{REDIS}Channel", "_subscribe", "_receive", "_in_listen", "_fanout_queues")),
    Seam("Redis poller", "reads", takes(f"{REDIS}MultiChannelPoller.__init__", "_channels", "after_read")),
    Seam("Redis poller's client", "connected", has(f"{REDIS}MultiChannelPoller", "_client_registered")),
    Seam("Redis prefix", "kombu's own client", has(f"{REDIS}PrefixedStrictRedis", "_prefix_args")),
    Seam("Redis restore", "visibility timeout", has(f"{REDIS}MultiChannelPoller", "maybe_restore_messages")),
    Seam(
        "fakeredis socket",
        "called directly",
        has("fakeredis._socket:FakeSocket", "_process_command", "put_response", "_blocking"),
    ),
    Seam("fakeredis server", "looked into", lambda: 0 in _server().dbs or _server().dbs[0] is not None),
    Seam(
        "Redis results",
        "on the fake server",
        has("celery.backends.redis:RedisBackend", "_create_client", "_get_client", "_get_pool", "_set"),
    ),
)

if not extras.missing("redis"):
    BROKER_SEAMS += REDIS_SEAMS
