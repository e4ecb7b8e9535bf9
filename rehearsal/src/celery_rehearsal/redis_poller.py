"""What stands for the sockets of kombu's Redis transport: who waits for a message, and whose has come."""

from __future__ import annotations

from queue import Empty
from typing import Any

from kombu.transport import redis as kombu_redis


class Poller(kombu_redis.MultiChannelPoller):
    """Reads the next message of any channel that may consume; raises `Empty` without one.

    It puts itself into a dict of those whose connection is open.
    """

    # kombu-stubs, part of celery-types, leave them out
    _channels: set[Any]
    _client_registered: Any
    poller: Any

    def __init__(self, open_ones: dict[Poller, None]) -> None:
        super().__init__()
        # It polls no socket. Left to the garbage collector, these of a long suite are more than select() takes.
        self.poller.close()
        self._open = open_ones
        open_ones[self] = None

    def close(self) -> None:
        self._open.pop(self, None)
        super().close()

    def in_order(self) -> list[Any]:
        """The channels, the oldest first."""
        if len(self._channels) < 2:  # noqa: PLR2004 # a sort takes longer than the rest of a look
            return list(self._channels)
        return sorted(self._channels, key=lambda channel: channel.channel_id)

    def wait(self) -> None:
        """Send the BRPOP of each channel that may consume, and subscribe to its fanout exchanges."""
        for channel in self.in_order():
            # What costs least first: each publish asks, and most channels wait already.
            if not channel._in_poll and channel.active_queues and channel.qos.can_consume():
                channel._brpop_start()
            if not channel._in_listen and channel.active_fanout_queues:
                self._client_registered(channel, channel.subclient, "LISTEN")
                channel._subscribe()

    def ready(self) -> bool:
        """Whether a message is there to be read."""
        return any(answers(channel) or _heard(channel) for channel in self._channels)

    def get(self, callback: Any, timeout: float | None = None) -> None:
        self._in_protected_read = True
        try:
            refresh = getattr(self, "maybe_refresh_binding_expiry", None)  # since kombu 5.7
            if refresh is not None:
                refresh()
            # What was published came before the answer to a BRPOP that is not even sent.
            heard = [] if any(channel._in_poll for channel in self._channels) else list(filter(_heard, self.in_order()))
            self.wait()
            for channel in [*heard, *self.in_order()]:
                if channel.qos.can_consume() and _read(channel):
                    return
            raise Empty
        finally:
            self._in_protected_read = False
            while self.after_read:
                self.after_read.pop()()


def _read(channel: Any) -> bool:
    if _heard(channel):
        return bool(channel._receive())
    return bool(answers(channel) and channel._brpop_read())


def answers(channel: Any) -> list[Any]:
    """What Redis has answered to a channel's BRPOP: key and message, once at most."""
    return list(channel._in_poll.answers) if channel._in_poll else []


def _heard(channel: Any) -> bool:
    return bool(channel._in_listen and channel._in_listen.can_read())


def hang_up(channel: Any) -> list[Any]:
    """End a channel's BRPOP; return what Redis had answered to it."""
    unread = answers(channel)
    if channel._in_poll:
        channel.client.connection.disconnect()
        channel._in_poll = None
    return unread
