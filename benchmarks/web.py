"""The web process as docs/operations.md runs it, gunicorn on this machine, and browsers of a superuser."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from .measure import Real
from .processes import LOOK, peak

LIST = "/admin/refunds/returnrequest/"
PAGE = "/admin/refunds/returnrequest/approve-all/"
SWEEP = re.compile(r"^/admin/refunds/sweep/(\d+)/change/$")
FIELD = re.compile(r'name="(csrfmiddlewaretoken|token)" value="([^"]+)"')
GUNICORN = (sys.executable, "-m", "gunicorn", "refunds.wsgi", "--access-logfile", "-", "--log-level", "error")
# Seconds: for the first answer of a start, and for any answer; a list of a million rows takes a tenth of that.
START, ANSWER = 60, 60
# What a name is told that no request can be: gunicorn refuses it by itself, and the application hears nothing of it.
NO_REQUEST = b"?\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """What a browser got, and the seconds from connecting to the last byte."""

    status: int
    location: str
    text: str
    seconds: float

    @property
    def form(self) -> dict[str, str]:
        """The hidden fields of the page's form."""
        return dict(FIELD.findall(self.text))


class Browser:
    """A browser that keeps cookies, and connects anew for each request, as the proxy before gunicorn does."""

    def __init__(self, port: int, session: str) -> None:
        self._port = port
        self._cookies = {"sessionid": session}

    def get(self, path: str) -> Answer:
        """Ask for a page; redirects are not followed."""
        return self._ask("GET", path, "")

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """Send a form; redirects are not followed."""
        return self._ask("POST", path, urlencode(form))

    def press(self, page: Answer | None = None) -> tuple[int, Answer]:
        """Press the button of the confirmation page, or of a page asked for now: the sweep's id, and the answer.

        Raises RuntimeError where no sweep was started.
        """
        page = page or self.get(PAGE)
        answer = self.post(PAGE, page.form)
        if found := SWEEP.match(answer.location):
            return int(found[1]), answer
        raise RuntimeError(
            f"a press started no sweep (status {page.status} of the page, {answer.status} of the press); "
            "if nothing is wrong with the database, 18:00 in Kyiv has just passed: run it again"
        )

    def _ask(self, method: str, path: str, body: str) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection("127.0.0.1", self._port, timeout=ANSWER)
        began = Real.clock()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        seconds = Real.clock() - began
        self._keep(response.headers)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{method} {path} was answered by {response.status}; the reason is above")
        return Answer(response.status, response.getheader("Location", ""), text, seconds)

    def _keep(self, headers: Message) -> None:
        for line in headers.get_all("Set-Cookie", []):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}


class Site:
    """A running gunicorn. `started` is the seconds from its start until a worker listened."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, session: str) -> None:
        self._process, self._port, self._session = process, port, session
        self.started = 0.0

    def browser(self) -> Browser:
        """One more browser of the superuser, without a page seen yet."""
        return Browser(self._port, self._session)

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers."""
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @property
    def peak(self) -> float:
        """The most memory that a worker has held so far, in MiB."""
        return max(map(peak, self.workers))

    def renew(self) -> None:
        """Replace all workers by fresh ones, and return once those alone listen."""
        before = self.workers
        self._process.send_signal(signal.SIGHUP)
        while set(before) & set(self.workers) or len(self.workers) != len(before):
            self._alive()
            time.sleep(LOOK)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return once a worker listens; the application is asked for nothing. Raises RuntimeError."""
        began = Real.clock()
        while Real.clock() - began < START:
            self._alive()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=START) as probe:
                probe.sendall(NO_REQUEST)
                if probe.recv(1):
                    return
            time.sleep(LOOK)
        raise RuntimeError(f"gunicorn has not answered within {START} s of its start")

    def _alive(self) -> None:
        if self._process.poll() is not None:
            raise RuntimeError(f"gunicorn ended with exit status {self._process.returncode}; why is above")


@contextmanager
def web(environment: Mapping[str, str], *, workers: int = 2, options: Sequence[str] = ()) -> Iterator[Site]:
    """A web process with so many workers on the database and the broker that `environment` names, until it is left.

    The database is migrated, and gets a superuser with a session. Static files are collected, into a folder that is
    removed again. With several workers the first to listen is waited for. For Linux.
    """
    with tempfile.TemporaryDirectory(prefix="refunds-bench-static-") as folder, socket.socket() as listener:
        inside = {
            **environment,
            "DJANGO_SETTINGS_MODULE": "refunds.settings",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(),
            "DJANGO_STATIC_ROOT": folder,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        session = subprocess.run(
            [sys.executable, "-m", __name__], check=True, env=inside, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        number = listener.fileno()
        # The socket is ours from the start, so that nobody else can have its port in between.
        command = [*GUNICORN, "--bind", f"fd://{number}", "--workers", str(workers), *options]
        began = Real.clock()
        with subprocess.Popen(command, env=inside, pass_fds=[number], stdout=subprocess.DEVNULL) as process:
            try:
                site = Site(process, listener.getsockname()[1], session)
                site.wait_ready()
                site.started = Real.clock() - began
                yield site
            finally:
                process.terminate()


def main() -> None:
    """Collect the static files, make a superuser of the environment's database, and print the key of a session."""
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)
    user = User.objects.create_superuser(f"bench-{secrets.token_hex(4)}", password=None)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    print(session.session_key)


if __name__ == "__main__":
    main()
