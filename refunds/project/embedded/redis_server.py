"""A Redis in this process: fakeredis behind a TCP port, for clients that know nothing of it.

fakeredis' own TcpFakeServer closes the connection after any error reply, so that the NOSCRIPT which every script begins
with breaks chords, and it leaves Nagle's algorithm on, which holds a worker at some ten tasks a second. Here a reply
goes straight from fakeredis to the client's socket, in whatever thread makes it: no polling, and a published message
reaches its subscribers at once.
"""

import contextlib
import importlib
import logging
import socket
import socketserver
import threading
from typing import Any, Self

import fakeredis
import redis

from . import resp

# fakeredis starts without it, but then knows no script, and kombu's are what acknowledges a message.
importlib.import_module("lupa")

logger = logging.getLogger(__name__)

# Seconds that a client may leave its replies unread before it is cut off, as Redis does with one whose buffer is full:
# a publisher waits for it, and everyone else for the publisher.
SEND_TIMEOUT = 5.0
# Seconds to wait for a connection's thread at the end. Longer than kombu's BRPOP, the one command that blocks (1 s).
JOIN_TIMEOUT = 3.0
READ_SIZE = 65_536
# Redis answers RESP 2 until a client asks for 3. redis-py 8 would ask by itself; redis-py 4 has no such argument.
PLAIN: dict[str, Any] = {"protocol": 2} if int(redis.__version__.split(".")[0]) > 4 else {}  # noqa: PLR2004

# The older name still exists in later releases, as a function that warns.
CONNECTION: Any = getattr(fakeredis, "FakeRedisConnection", None) or fakeredis.FakeConnection


class RedisServer:
    """Serves an empty Redis on 127.0.0.1 while it is entered; all it holds is gone afterwards."""

    def __init__(self, port: int = 0) -> None:
        """`port` 0 is a free one. Raises OSError when the port is in use."""
        self._tcp = _Listener(("127.0.0.1", port))
        self.port: int = self._tcp.server_address[1]
        # Seconds between looks at whether to end: shutdown() waits as long.
        self._thread = threading.Thread(
            target=self._tcp.serve_forever, kwargs={"poll_interval": 0.05}, name="embedded-redis", daemon=True
        )

    def url(self, database: int = 0) -> str:
        """What a client connects to."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._tcp.shutdown()
        self._thread.join()
        self._tcp.server_close()
        self._tcp.cut_off()


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    # A client blocked for ever by BRPOP 0 must not keep the process from ending; cut_off() waits for the others.
    daemon_threads = True
    block_on_close = False
    # A worker, beat, the web process and their pools connect at once.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int]) -> None:
        self.store = fakeredis.FakeServer()
        self.clients: dict[_Client, threading.Thread] = {}
        super().__init__(address, _Client)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.exception("embedded Redis: the connection from %s failed", client_address)

    def cut_off(self) -> None:
        clients = list(self.clients.items())
        for client, _ in clients:
            client.cut_off()
        for _, thread in clients:
            thread.join(JOIN_TIMEOUT)


class _Client(socketserver.BaseRequestHandler):
    server: _Listener
    request: socket.socket

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(SEND_TIMEOUT)
        self._sending = threading.Lock()
        self._connection = CONNECTION(server=self.server.store, **PLAIN)
        self._connection.connect()
        self._fake = self._connection._sock
        # What is used of fakeredis' inside, held by tests: replies as they are instead of redis-py's exceptions, their
        # way out, and the protocol that the client asked for.
        self._fake._decode_result = lambda result: result
        self._fake.put_response = self._reply
        self.server.clients[self] = threading.current_thread()

    def handle(self) -> None:
        while data := self._receive():
            try:
                self._fake.sendall(data)
            except Exception as failure:
                # Not an error reply, which goes through _reply: broken protocol, or a fault of fakeredis. What follows
                # in the stream cannot be told apart any more, and Redis closes such a connection too.
                logger.warning("embedded Redis: %s closed", self.client_address, exc_info=True)
                self._send(resp.error(f"ERR {type(failure).__name__}: {failure}"))
                return

    def finish(self) -> None:
        self._connection.disconnect()
        self.server.clients.pop(self, None)

    def cut_off(self) -> None:
        # The client may have gone first.
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)

    def _receive(self) -> bytes:
        while True:
            try:
                return self.request.recv(READ_SIZE)
            except TimeoutError:
                continue  # the timeout is for sending; a silent client is welcome
            except OSError:
                return b""

    def _reply(self, value: Any) -> None:
        self._send(resp.encode(value, self._fake._client_info.protocol_version))

    def _send(self, data: bytes) -> None:
        try:
            with self._sending:
                self.request.sendall(data)
        except OSError as failure:
            logger.debug("embedded Redis: %s does not read its replies: %s", self.client_address, failure)
            self.cut_off()
