"""What else goes on while a click is measured: a worker that decides and pays, and browsers that read lists."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from redis import Redis

from .browser import LIST, Browser
from .processes import worker
from .web import Site

# Returns that the worker has to decide and pay during the test; up to 25,000 a second.
ROWS = 1_500_000
# Browsers, and the seconds for which each looks at a list before it asks for the next.
READERS, PAUSE = 3, 0.5
LISTS = (LIST, f"{LIST}?status=requested", "/admin/refunds/refund/", "/admin/refunds/sweep/")


@dataclass(frozen=True)
class Work:
    """A sweep of all that waits in a database, whose messages are on a broker of its own."""

    url: str
    broker: str

    @property
    def environment(self) -> dict[str, str]:
        """For a worker and for commands."""
        path = os.pathsep.join(filter(None, sys.path))
        names = {"DATABASE_URL": self.url, "CELERY_BROKER_URL": self.broker, "PYTHONPATH": path}
        return os.environ | names | {"DJANGO_SETTINGS_MODULE": "refunds.project.settings"}

    def start(self) -> None:
        """Start the sweep of all that is pending now; what is added later is not of it."""
        command = [sys.executable, "-m", "refunds", "approve_all"]
        subprocess.run(command, check=True, env=self.environment, stdout=subprocess.DEVNULL)

    @property
    def is_left(self) -> bool:
        """Whether there are messages that no worker has done."""
        with Redis.from_url(self.broker) as session:
            return bool(session.exists("decisions", "payments", "unacked"))


@contextmanager
def load(work: Work, site: Site) -> Iterator[None]:
    """One child of a worker on the work, and the readers on the site.

    Raises RuntimeError where the worker had nothing left to do at the end.
    """
    with ExitStack() as stack:
        stack.enter_context(worker(work.environment, 1))
        ended = threading.Event()
        readers = [
            threading.Thread(target=_read, args=(site.browser(), number, ended), daemon=True)
            for number in range(READERS)
        ]
        for reader in readers:
            reader.start()
            stack.callback(reader.join)
        stack.callback(ended.set)
        yield
        if not work.is_left:
            raise RuntimeError("the worker had nothing left to do before all clicks were made; give it more rows")


def _read(browser: Browser, number: int, ended: threading.Event) -> None:
    while not ended.wait(PAUSE):
        number += 1
        browser.get(LISTS[number % len(LISTS)])
