"""`serve` as a user runs it: a process of its own in an empty directory, and the ways to look at it."""

import os
import re
import select
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Self

from django.utils import timezone

import refunds
from refunds.domain import cutoff

# The copy of the package that is tested: the installed wheel under tox, else the checkout.
ROOT = Path(str(refunds.__file__)).parents[1]
# Seconds; far more than anything takes, so that only a hang fails.
LONG = 60


def on_one_day(run: Callable[[Path], None], folder: Path) -> None:
    """Run a test of processes that live on the real clock, in a folder of its own; again if a cutoff came between.

    What was imported before a cutoff can no longer be approved after it.
    """
    began = cutoff.latest(timezone.now())
    for name in ("first", "again"):
        (folder / name).mkdir()
        try:
            run(folder / name)
        except AssertionError:
            if name == "again" or cutoff.latest(timezone.now()) == began:
                raise
        else:
            return


class Serve:
    """`python -m refunds serve` on a free port, with its database in `directory`; entered once it says it runs."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.options = options
        # None of the caller's settings: embedded defaults.
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "DATABASE", "DJANGO_"))
        } | {"PYTHONPATH": str(ROOT)}
        self.screen = ""

    def command(self, *arguments: str) -> "subprocess.Popen[str]":
        """A Python process in the directory."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        self.process = self.command("-m", "refunds", "serve", "--port", "0", *self.options)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.screen += line
            if line.startswith("  Next"):
                break
        assert "Refunds is running." in self.screen, self.screen
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=LONG)

    @property
    def children(self) -> list[int]:
        """The process ids of worker, beat and web."""
        return [int(pid) for pid in re.findall(r"\(pid (\d+)\)", self.screen)]

    @property
    def url(self) -> str:
        return self._read(r"Admin +(\S+)/admin/")

    @property
    def password(self) -> str:
        return self._read(r"Password +(\S+)")

    @property
    def redis(self) -> str:
        """The URL of the embedded Redis."""
        return self._read(r"(redis://\S+)/0")

    def _read(self, pattern: str) -> str:
        found = re.search(pattern, self.screen)
        assert found is not None, self.screen
        return found[1]

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; the exit status and the rest of the output."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=LONG)
        return self.process.returncode, rest

    def python(self, code: str) -> str:
        """Run code in the project, as another process of it; its output. Fails when the code does."""
        self.environment |= {"CELERY_BROKER_URL": self.redis + "/0", "CELERY_RESULT_BACKEND": self.redis + "/1"}
        process = self.command("-c", f"import refunds.project.app, django; django.setup()\n{code}")
        out, _ = process.communicate(timeout=LONG)
        assert process.returncode == 0, out
        return out


class Browser:
    """Gets and posts with cookies, as a person's browser does."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.jar = CookieJar()
        # No proxy from the environment: the address is this machine's.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )

    def get(self, path: str) -> str:
        """The page, after redirects. Raises urllib.error.HTTPError."""
        return self._open(urllib.request.Request(self.base + path))

    def post(self, path: str, **fields: str) -> str:
        """Submit a form with the CSRF token of the cookie; the page after redirects."""
        token = next(cookie.value or "" for cookie in self.jar if cookie.name == "csrftoken")
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        return self._open(urllib.request.Request(self.base + path, data))

    def _open(self, request: urllib.request.Request) -> str:
        with self._opener.open(request, timeout=LONG) as response:
            return str(response.read().decode())


class Watch:
    """Waits for processes that are not our children; made before they end, so that no id can have a new owner."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        if sys.platform == "linux":
            self._handles = [os.pidfd_open(pid) for pid in pids]
        else:
            self._queue = select.kqueue()
            add, once, left = select.KQ_EV_ADD, select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT
            events = [select.kevent(pid, select.KQ_FILTER_PROC, add | once, left) for pid in pids]
            self._queue.control(events, 0)

    def wait(self) -> int:
        """Block until all have ended or LONG has passed; how many are left."""
        left = len(self._pids)
        if sys.platform == "linux":
            for handle in self._handles:
                left -= len(select.select([handle], [], [], LONG)[0])
                os.close(handle)
        else:
            while left and (ended := self._queue.control([], left, LONG)):
                left -= len(ended)
            self._queue.close()
        return left
