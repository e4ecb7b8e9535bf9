"""Serve Redis from this process by fakeredis' TCP server, for unchanged clients (docs/adr/0027)."""

import importlib
import io
import logging
import select
import socket
import threading
from typing import Any, Final, Self

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler

# Without lupa, fakeredis starts but cannot run scripts, and kombu acknowledges messages by scripts.
importlib.import_module("lupa")

logger = logging.getLogger(__name__)

# Seconds that a client can leave its replies unread before its connection is closed.
SEND_TIMEOUT: Final = 5.0
# Seconds to wait for a connection's thread at the end. kombu's BRPOP, the only command that blocks, takes 1 s.
JOIN_TIMEOUT: Final = 3.0
# Seconds between checks for shutdown(), which waits as long.
POLL_INTERVAL: Final = 0.05


class RedisServer(TcpFakeServer):
    """Serves a Redis on 127.0.0.1 as a context manager. It starts empty and keeps nothing at its end."""

    # A worker, beat, the web process and their pools connect at once.
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        """Listen on `port`; 0 means a free one. Raises OSError if the port is in use."""
        super().__init__(("127.0.0.1", port))
        self.RequestHandlerClass = _Client
        # A client that blocks for ever with BRPOP 0 must not prevent the end of the process.
        self.daemon_threads = True
        self.threads: set[threading.Thread] = set()
        self.port: int = self.server_address[1]
        self._accepting = threading.Thread(
            target=self.serve_forever, args=(POLL_INTERVAL,), name="embedded-redis", daemon=True
        )

    def url(self, database: int = 0) -> str:
        """Return the URL for clients."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.shutdown()
        self._accepting.join()
        self.server_close()
        for thread in list(self.threads):
            thread.join(JOIN_TIMEOUT)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the error. socketserver would write its traceback to the screen of `serve`."""
        logger.warning("embedded Redis: the connection from %s failed", client_address, exc_info=True)


class _Client(TCPFakeRequestHandler):
    # With Nagle's algorithm, a worker would get only some ten messages a second.
    disable_nagle_algorithm = True
    server: RedisServer

    def setup(self) -> None:
        self.server.threads.add(threading.current_thread())
        super().setup()
        self.wfile = self.writer.writer = _Sender(self.connection)

    def finish(self) -> None:
        super().finish()
        self.server.threads.discard(threading.current_thread())


class _Sender(io.BufferedIOBase):
    """Waits for a slow reader. fakeredis makes the socket non-blocking, so a reply of some megabytes would fail."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: Any) -> int:
        left = memoryview(data)
        while left:
            if not select.select([], [self._connection], [], SEND_TIMEOUT)[1]:
                raise ConnectionError("the client does not read its replies")
            left = left[self._connection.send(left) :]
        return len(data)
