"""Each transport option of kombu's Redis channel, and what a cluster makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu.transport import redis as kombu_redis

from .errors import BadUseError, NotSimulatedError
from .limits import reason

if TYPE_CHECKING:
    from collections.abc import Iterable

# kombu's own code acts on them, on a fake server as on a real one.
HONOURED = {
    "ack_emulation",
    "body_encoding",
    "deadletter_queue",
    "fanout_patterns",
    "fanout_prefix",
    "global_keyprefix",
    "priority_steps",
    "queue_order_strategy",
    "sep",
    "unacked_index_key",
    "unacked_key",
    "unacked_mutex_expire",
    "unacked_mutex_key",
    "unacked_restore_interval",
    "unacked_restore_limit",
    "unacked_restore_throttle",
    "visibility_timeout",
}

# They say how to reach a server and how long to wait for it. Here it is always there.
HARMLESS = {
    "client_name",
    "health_check_interval",
    "master_name",
    "max_connections",
    "min_other_sentinels",
    "retry_on_timeout",
    "sentinel_fanout_compat",
    "sentinel_kwargs",
    "socket_connect_timeout",
    "socket_keepalive",
    "socket_keepalive_options",
    "socket_timeout",
}


def check_options(options: Iterable[str], named: Iterable[Any]) -> None:
    """Raise NotSimulatedError for an option of kombu's that is not known here.

    Raise BadUseError for a transport that lacks an option without which no worker starts. What kombu does not know
    it ignores, and so does a cluster.
    """
    channel: Any = kombu_redis.SentinelChannel
    unknown = sorted(set(channel.from_transport_options).intersection(options) - HONOURED - HARMLESS)
    if unknown:
        raise NotSimulatedError(f"broker_transport_options: {', '.join(unknown)}; {reason('redis_options')}")
    if "sentinel" in named and "master_name" not in options:
        raise BadUseError("broker_transport_options needs a master_name: without it no worker on sentinel:// starts")
