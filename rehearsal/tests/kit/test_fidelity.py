"""The kit and a real worker process tell the same story of one scenario."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fakeredis
import pytest
from fakeredis._clients import _tcp_server

from . import fidelity
from .servers import own_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds that the real worker may take for what should take ten; a limit for a hang, not a measure.
PATIENCE = 120


class Handler(_tcp_server.TCPFakeRequestHandler):
    """fakeredis' handler, but an error reply does not end the connection, and small replies do not wait."""

    disable_nagle_algorithm = True
    failed = False

    def setup(self) -> None:
        super().setup()
        write = self.writer.dump

        def dump(value: Any) -> None:
            self.failed = isinstance(value, Exception)
            write(value)

        self.writer.dump = dump  # type: ignore[method-assign] # to hear of errors

    def handle(self) -> None:
        super().handle()
        while self.failed:
            self.failed = False
            super().handle()


@contextmanager
def redis_url() -> Iterator[str]:
    """An empty database of the server that REHEARSAL_REDIS names, or else a fakeredis over TCP."""
    if os.environ.get("REHEARSAL_REDIS"):
        with own_redis() as (url, _client):
            yield url
        return
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0))
    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def real() -> list[list[Any]]:
    """The scenario by a real worker process in real time."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with redis_url() as url:
        finished = subprocess.run(
            [sys.executable, "-m", "kit.fidelity", url],
            cwd=Path(__file__).parents[1],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(found) for found in finished.stdout.splitlines() if found.startswith('["')]


@pytest.fixture(scope="module")
def told_by_the_worker() -> list[list[Any]]:
    """The real worker's story, told once."""
    return real()


def test_the_same_records_in_the_same_order(told_by_the_worker: list[list[Any]]) -> None:
    """Retry, countdown, expiry, link, rate limit and late acks: record by record as in a real process."""
    assert fidelity.virtual() == told_by_the_worker


def test_the_story_is_the_scenarios(told_by_the_worker: list[list[Any]]) -> None:
    """The real worker did see all of it, so that the comparison compares something."""
    kinds = {kind for kind, _task, _attempt in told_by_the_worker}
    assert kinds == fidelity.KINDS
