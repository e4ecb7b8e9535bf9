"""One worker over a change of the clock, two times: the real program under a clock of its own, and the kit's."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from celery_rehearsal import VirtualCelery

from .clock import preloaded, run
from .plan import make_app, publish_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

HOURS = 5


@dataclass(frozen=True)
class Crossing:
    """A worker's life: from five hours before a change of its zone (seconds since 1970) to five hours after it."""

    zone: str
    change: int
    utc: bool = True

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.change, timezone.utc)
        return f"{self.zone} {at:%Y-%m-%d %H:%M}{'' if self.utc else ', no utc'}"

    @property
    def start(self) -> int:
        return self.change - HOURS * 3600

    @property
    def end(self) -> int:
        return self.change + HOURS * 3600


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of one's own on a Unix socket; its URL."""
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        socket = Path(folder, "redis")
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        try:
            while not socket.exists():
                time.sleep(0.01)
            yield f"redis+socket://{socket}"
        finally:
            server.terminate()
            server.wait()


def real(crossing: Crossing) -> list[str]:
    """What the program `celery worker` did: its lines, in the order of instants."""
    with redis_server() as url, tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        file = Path(folder, "done")
        mine = {
            "ORACLE_FILE": str(file),
            "ORACLE_ZONE": crossing.zone,
            "ORACLE_UTC": "yes" if crossing.utc else "no",
            "ORACLE_BROKER": url,
        }
        flags = ["--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        words = ["-m", "celery", "-A", "oracle.plan", "worker", *flags]
        run(words, mine | preloaded(crossing.start, crossing.end))
        return sorted(file.read_text().splitlines())


def virtual(crossing: Crossing) -> list[str]:
    """What the kit's worker did."""
    done: list[str] = []
    app = make_app(crossing.zone, "redis://broker.invalid/0", done.append, utc=crossing.utc)
    start, end = (datetime.fromtimestamp(at, timezone.utc) for at in (crossing.start, crossing.end))
    with VirtualCelery(app, start=start, transport="fakeredis", beats=0) as celery:
        publish_plan(app)
        celery.run_until(end)
    return sorted(done)


def compare(crossing: Crossing) -> tuple[int, list[str]]:
    """How many lines the real worker wrote, and each that it alone (-) or the kit alone (+) wrote."""
    theirs, ours = Counter(real(crossing)), Counter(virtual(crossing))
    lines = [f"- {line}" for line in sorted((theirs - ours).elements())]
    lines += [f"+ {line}" for line in sorted((ours - theirs).elements())]
    return theirs.total(), lines
