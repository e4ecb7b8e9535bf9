"""The web process as docs/operations.md runs it: gunicorn, on this machine."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from .browser import Browser
from .measure import Real
from .processes import LOOK, peak
from .report import Skipped

GUNICORN = (sys.executable, "-m", "gunicorn", "refunds.project.wsgi", "--access-logfile", "-", "--log-level", "error")
# Seconds for a start, and for any answer.
LONG = 60
# No request: gunicorn refuses it, and the application hears nothing of it.
NO_REQUEST = b"?\r\n\r\n"


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
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(child) for child in children.split()]

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
        while Real.clock() - began < LONG:
            self._alive()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=LONG) as probe:
                probe.sendall(NO_REQUEST)
                if probe.recv(1):
                    return
            time.sleep(LOOK)
        raise RuntimeError(f"gunicorn has not listened within {LONG} s of its start")

    def _alive(self) -> None:
        if self._process.poll() is not None:
            raise RuntimeError(f"gunicorn ended with exit status {self._process.returncode}; why is above")


@contextmanager
def web(environment: Mapping[str, str], *, workers: int = 2, options: Sequence[str] = ()) -> Iterator[Site]:
    """A web process with so many workers on the database and the broker that `environment` names, until it is left.

    The database is migrated, and gets a superuser with a session. Static files are collected, into a folder that is
    removed again. With several workers the first to listen is waited for. For Linux. Raises Skipped without gunicorn.
    """
    if not (find_spec("gunicorn") and find_spec("whitenoise")):
        raise Skipped("no web server: install refunds[web]")
    with tempfile.TemporaryDirectory(prefix="refunds-bench-static-") as folder, socket.socket() as listener:
        inside = {
            **environment,
            "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(),
            "DJANGO_STATIC_ROOT": folder,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        made = subprocess.run(
            [sys.executable, "-m", __name__], check=True, env=inside, stdout=subprocess.PIPE, text=True
        )
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        number = listener.fileno()
        # The socket is ours from the start, so that nobody else can have its port in between.
        command = [*GUNICORN, "--bind", f"fd://{number}", "--workers", str(workers), *options]
        began = Real.clock()
        with subprocess.Popen(command, env=inside, pass_fds=[number], stdout=subprocess.DEVNULL) as process:
            try:
                site = Site(process, listener.getsockname()[1], made.stdout.strip())
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
