"""Processes of the project in a folder, with none of the caller's settings: any, and `serve` as a user runs it."""

import functools
import os
import re
import select
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Self

from django.utils import timezone

import refunds
from refunds.domain import cutoff

# The copy of the package that is tested: the installed wheel under tox, else the checkout, which has the tests.
ROOT, CHECKOUT = Path(str(refunds.__file__)).parents[1], Path(__file__).parents[2]
# Seconds; far more than anything takes on a busy machine, so that only a hang fails.
LONG = 120
OURS = ("CELERY_", "DATABASE", "DJANGO_", "PYTEST_", "REFUNDS_", "STRIPE_")
SETUP = "import refunds.project.app, django; django.setup()\n"


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return these variables, and the caller's without settings of the project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"PYTHONPATH": f"{ROOT}{os.pathsep}{CHECKOUT}", **environment}


def start(
    folder: Path, *arguments: str, environment: Mapping[str, str], stdin: int = subprocess.DEVNULL
) -> "subprocess.Popen[str]":
    """Start Python in a folder; its standard error is in its output."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean(environment),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def on_one_day(run: Callable[[Path], None]) -> Callable[[Path], None]:
    """Run a test of processes that live on the real clock in a folder of its own; again if a cutoff came between.

    What was imported before a cutoff can no longer be approved after it.
    """

    @functools.wraps(run)
    def run_again(tmp_path: Path) -> None:
        began = cutoff.latest(timezone.now())
        for name in ("first", "again"):
            (tmp_path / name).mkdir()
            try:
                return run(tmp_path / name)
            except AssertionError:
                if name == "again" or cutoff.latest(timezone.now()) == began:
                    raise
        return None

    return run_again


class Serve:
    """`python -m refunds serve` on a free port, with its database in `folder`; entered once it says it runs."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        # Without a hold, which would make each test a minute longer.
        self.folder, self.options, self.environment = folder, options, {"REFUNDS_HOLD": "0"} | environment
        self.screen = ""

    def start(self) -> "subprocess.Popen[str]":
        """Start the process, which shows its screen line by line."""
        # Ctrl-C ends serve, unless the tests run as a shell's background job: then they ignore it, and so would serve.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        arguments = ("-m", "refunds", "serve", "--port", "0", *self.options)
        return start(self.folder, *arguments, environment=self.environment)

    def __enter__(self) -> Self:
        self.process = self.start()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.screen += line
            if line.startswith("  Next"):
                break
        assert "Refunds is running." in self.screen, self.screen
        self.url, self.redis = self._read(r"Admin +(\S+)/admin/"), self._read(r"(redis://\S+)/0")
        # The process ids of worker, beat and web.
        self.children = [int(pid) for pid in re.findall(r"\(pid (\d+)\)", self.screen)]
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=LONG)

    def _read(self, pattern: str) -> str:
        found = re.search(pattern, self.screen)
        assert found is not None, self.screen
        return found[1]

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return the exit status and the rest of the output."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=LONG)
        return self.process.returncode, rest

    def refunds(self, *arguments: str) -> str:
        """Run a command in the folder, and return its output. No variable names the embedded broker."""
        process = start(self.folder, "-m", "refunds", *arguments, environment=self.environment)
        return process.communicate(timeout=LONG)[0]

    def python(self, code: str) -> str:
        """Run code in the project, as another process of it, and return its output. Fail when the code does."""
        broker = {"CELERY_BROKER_URL": f"{self.redis}/0", "CELERY_RESULT_BACKEND": f"{self.redis}/1"}
        process = start(self.folder, "-c", SETUP + code, environment=self.environment | broker)
        out, _ = process.communicate(timeout=LONG)
        assert process.returncode == 0, out
        return out

    def log_in(self) -> "Browser":
        """Return a browser that the screen's user and password have logged in."""
        browser = Browser(self.url)
        browser.get("/admin/login/")
        page = browser.post("/admin/login/?next=/admin/", username="admin", password=self._read(r"Password +(\S+)"))
        assert "Returns and refunds" in page
        return browser


class Browser:
    """Gets and posts with cookies, as a person's browser does."""

    def __init__(self, base: str) -> None:
        self.base, self.jar = base, CookieJar()
        # No proxy from the environment: the address is this machine's.
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, data: bytes | None = None) -> str:
        """Return the page, after redirects. Raises urllib.error.HTTPError."""
        with self._opener.open(self.base + path, data, timeout=LONG) as response:
            return str(response.read().decode())

    def post(self, path: str, **fields: str) -> str:
        """Submit a form with the CSRF token of the cookie; return the page after redirects."""
        token = next(cookie.value or "" for cookie in self.jar if cookie.name == "csrftoken")
        return self.get(path, urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode())


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
        """Block until all have ended or LONG has passed; return how many are left."""
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
