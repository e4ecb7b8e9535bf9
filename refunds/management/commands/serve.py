"""`serve`: the whole system on one machine, from one command, until Ctrl-C."""

import os
import secrets
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections

from ...embedded.supervisor import ChildEnded, EndAsked, Program, Supervisor, lifeline

APP = "celery_app"
# Seconds for the worker to finish its task. A chunk takes well under one; what is cut off is sent again from the rows.
WORKER_GRACE = 20.0


class Command(BaseCommand):
    """Runs the admin, a worker, beat and, unless CELERY_BROKER_URL names another, a Redis inside this process."""

    help = "Run everything on this machine: database migrated, Redis, worker, beat and admin. Ctrl-C ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the admin listens."""
        parser.add_argument("--host", default="127.0.0.1", help="address of the admin (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="its port, 0 for a free one (default: 8000)")

    def handle(self, *_args: Any, host: str, port: int, verbosity: int, **_options: Any) -> None:
        """Start everything, wait, and end everything. Raises CommandError."""
        port = free_port(host, port)
        database = shared_database()
        environment = os.environ | {
            # One key for all: a session signed by one process is read by another. It passes with this run.
            "DJANGO_SECRET_KEY": settings.SECRET_KEY,
            # The children find the project where this process did, whatever the working directory.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONUNBUFFERED": "1",  # a line is passed on when it is written
            "DJANGO_RUNSERVER_HIDE_WARNING": "true",  # docs/serve.md says what this is for, and what not
        }
        with ExitStack() as undo:
            # The last connection to an SQLite file folds its write-ahead log: keep ours until the children are gone.
            undo.callback(connections.close_all)
            broker = self._broker(environment, undo)
            supervisor = Supervisor(self._say, environment)
            undo.enter_context(supervisor.listening())
            call_command("migrate", interactive=False, verbosity=verbosity - 1, stdout=self.stdout)
            undo.callback(supervisor.stop)
            try:
                for program in programs(host, port, beat_file(database), "info" if verbosity > 1 else "warning"):
                    supervisor.start(program)
                supervisor.wait_ready()
                supervisor.say(self._screen(supervisor, f"http://{authority(host, port)}/admin/", database, broker))
                supervisor.wait()
            except EndAsked:
                supervisor.say("Stopping …")
            except ChildEnded as ended:
                raise CommandError(f"{ended}; its last lines are above. Everything else has been stopped.") from None

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # also into a pipe or a file

    def _broker(self, environment: dict[str, str], undo: ExitStack) -> str:
        if os.environ.get("CELERY_BROKER_URL"):
            return "the one of CELERY_BROKER_URL"
        try:
            from ...embedded.redis_server import RedisServer
        except ImportError as missing:
            raise CommandError(
                f"the embedded Redis needs the package {missing.name}: pip install refunds[embedded], or name "
                "another broker in CELERY_BROKER_URL"
            ) from missing
        redis = undo.enter_context(RedisServer())
        environment["CELERY_BROKER_URL"] = redis.url(0)
        environment.setdefault("CELERY_RESULT_BACKEND", redis.url(1))
        return f"a Redis inside this process, {redis.url(0)}; what it holds ends with it"

    def _screen(self, supervisor: Supervisor, url: str, database: str, broker: str) -> str:
        name, password = superuser()
        secret = password or "as it was"
        note = "shown this once; to change it" if password else "this superuser exists; to change the password"
        runs = ", ".join(f"{child.program.name} (pid {child.process.pid})" for child in supervisor.children)
        return "\n".join(
            [
                "",
                "Refunds is running.",
                "",
                f"  Admin     {url}",
                f"  User      {name}",
                f"  Password  {secret}   ({note}: python -m refunds changepassword {name})",
                f"  Database  {database}",
                f"  Broker    {broker}",
                f"  Running   {runs}",
                "",
                "Ctrl-C stops all of it.",
                "",
            ]
        )


def free_port(host: str, port: int) -> int:
    """The port, or a free one for 0. Raises CommandError when it cannot be listened to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # As the web server does: a port that only has closing connections is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as failure:
        raise CommandError(
            f"cannot listen on {host}:{port}: {failure}. Nothing was started; choose another by --port or --host"
        ) from failure


def authority(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shared_database() -> str:
    """What to call the database. Raises CommandError for one inside a process, which the others would not see."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and (not name or ":memory:" in name or "mode=memory" in name):
        raise CommandError(
            "the database is in memory, and each process would have its own: name a file in DATABASE_URL"
        )
    return name if connection.vendor == "sqlite" else f"{name} ({connection.vendor})"


def beat_file(database: str) -> str:
    """Where beat keeps what it last sent: beside an SQLite file, or in the working directory as beat itself does."""
    if connection.vendor == "sqlite":
        return f"{Path(database).absolute()}-beat"
    return str(Path.cwd() / "celerybeat-schedule")


def superuser() -> tuple[str, str | None]:
    """A superuser's name, and the password if it was made here and now. Raises CommandError."""
    users = get_user_model()._default_manager
    existing = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing is not None:
        return existing.get_username(), None
    if users.filter(username="admin").exists():
        raise CommandError("the user admin exists and is no superuser; make one: python -m refunds createsuperuser")
    password = secrets.token_urlsafe(12)
    users.create_superuser("admin", email="", password=password)
    return "admin", password


def programs(host: str, port: int, schedule: str, level: str) -> list[Program]:
    """The children in the order of their start.

    The worker's pool is solo: no grandchild that could outlive it, and SQLite, with its one writer at a time, would
    gain nothing from more. What solo lacks are time limits; the embedded payer has nothing to hang on.
    """
    celery = ("--quiet", "-A", APP)
    # Gossip, mingle and heartbeats are for workers that have others to talk to.
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return [
        lifeline("worker", *celery, "worker", "--pool", "solo", *alone, "--loglevel", level, grace=WORKER_GRACE),
        lifeline("beat", *celery, "beat", "--schedule", schedule, "--pidfile", "", "--loglevel", level),
        # Not reloading: that would be a grandchild. Insecure: static files without DEBUG, for this one machine. The
        # checks have been made by this command.
        lifeline("web", "--noreload", "--insecure", "--skip-checks", authority(host, port)),
    ]
