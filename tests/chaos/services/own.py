"""Servers of a test's own, on free ports of this machine: one that is to break should be nobody else's."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Event
from typing import Self

# Seconds to wait for a server to begin or to end: far more than it takes.
LONG = 60
# Where Debian and others keep PostgreSQL's own programs, which are on nobody's path.
POSTGRES_HOMES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")


def lack(server: str) -> str:
    """Why none can be started: `redis` or `postgres`; empty where it can."""
    program = {"redis": "redis-server", "postgres": "initdb"}[server]
    return "" if _program(program) else f"{program} is not on this machine: install the package of {server}"


def _program(name: str) -> str:
    found = shutil.which(name)
    homes = sorted(str(match) for home in POSTGRES_HOMES for match in Path("/").glob(home.lstrip("/")))
    return found or next((f"{home}/{name}" for home in reversed(homes) if Path(home, name).exists()), "")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process that listens on a port of this machine, with a folder of its own; running while it is entered."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.folder = Path(mkdtemp(prefix="refunds-server-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        rmtree(self.folder)

    def start(self) -> None:
        """Start it, and wait until it listens. Raises RuntimeError with its last words where it does not."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | _PLAIN,
            )
        pause = Event()
        for _ in range(LONG * 20):
            if self.listens():
                return
            if self._process.poll() is not None:
                break
            pause.wait(0.05)
        raise RuntimeError(f"{self.command()[0]} does not listen: {(self.folder / 'log').read_text()[-500:]}")

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, and wait for that."""
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(LONG)
            self._process = None

    def said(self, words: str) -> int:
        """How often it wrote these words to its log."""
        return (self.folder / "log").read_text(errors="replace").count(words)

    def listens(self) -> bool:
        """Whether somebody takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self) -> Sequence[str]:
        """What runs."""
        raise NotImplementedError


# What a server says is looked for in English.
_PLAIN = {"LC_ALL": "C.UTF-8"}


class Redis(Server):
    """A Redis that keeps nothing: stopped and started again it is empty."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        own = ("--dir", str(self.folder), "--bind", "127.0.0.1", "--port", str(self.port))
        return (_program("redis-server"), *own, "--save", "", "--appendonly", "no")


class Postgres(Server):
    """A PostgreSQL with one superuser and no password, whose database is called `refunds`."""

    def __init__(self) -> None:
        super().__init__()
        self.data = self.folder / "data"
        self._user: Sequence[str] = ()
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            self._user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            shutil.chown(self.folder, "postgres", "postgres")
        made = (
            _program("initdb"),
            "--pgdata",
            str(self.data),
            "--username",
            "postgres",
            "--auth",
            "trust",
            "--no-sync",
        )
        subprocess.run(
            (*self._user, *made), cwd=self.folder, stdout=subprocess.DEVNULL, check=True, env=os.environ | _PLAIN
        )

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/refunds"

    def __enter__(self) -> Self:
        import psycopg

        super().__enter__()
        with psycopg.connect(self.url.removesuffix("/refunds") + "/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE refunds")
        return self

    def listens(self) -> bool:
        """Whether it takes connections: it listens before it does, while it recovers."""
        import psycopg

        try:
            with psycopg.connect(self.url.removesuffix("/refunds") + "/postgres", connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts off its clients, SIGQUIT is a crash that it recovers from."""
        super().stop(by)

    def command(self) -> Sequence[str]:
        own = ("-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}")
        # It is gone afterwards: nothing has to reach the disk, and deadlocks are to be seen soon.
        quick = ("-c", "fsync=off", "-c", "deadlock_timeout=100ms", "-c", "log_min_messages=error")
        return (*self._user, _program("postgres"), "-D", str(self.data), *own, *quick)
