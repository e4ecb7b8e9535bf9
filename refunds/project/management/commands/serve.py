"""Run the whole system on one machine by one command, until Ctrl-C."""

import os
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections
from django.utils import timezone

from ...database import EXIT_STATUS
from ...embedded.endings import interruptible
from ...embedded.files import BadKey, Claim, Running, database_file, drop_broken_schedule, kept_key, next_to
from ...embedded.screen import screen
from ...embedded.supervisor import ChildEnded, EndAsked, Program, Supervisor, lifeline

APP = "refunds.project.app"
# Seconds for the worker to finish its task. A chunk takes well under one; the reconciler sends an aborted task again.
WORKER_GRACE = 20.0
# Seconds in which a first press can be undone, unless the environment says otherwise.
HOLD = "60"


class Command(BaseCommand):
    """Runs the admin, a worker, beat and, unless CELERY_BROKER_URL names a broker, a Redis inside this process."""

    help = "Migrate the database and run Redis, worker, beat and admin on this machine. Ctrl-C ends everything."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the address of the admin."""
        parser.add_argument("--host", default="127.0.0.1", help="address of the admin (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="its port, 0 for a free one (default: 8000)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Start everything, wait, and stop everything. Raises CommandError."""
        try:
            with ExitStack() as undo:
                self._run(undo, **options)
        # No child runs yet, and the database rolls back a migration under way. Its lines can meet a closed output.
        except (EndAsked, KeyboardInterrupt, BrokenPipeError):
            with suppress(OSError):  # a closed output is one reason for the end
                self._say("Stopped before anything was started.")

    def _run(self, undo: ExitStack, *, host: str, port: int, verbosity: int, **_options: Any) -> None:
        environment: dict[str, str] = {}
        supervisor = Supervisor(self._say, environment)
        undo.enter_context(supervisor.listening())
        database = database_name()
        claim = claimed(database, undo)
        port = free_port(host, port)
        address = f"http://{authority(host, port)}/admin/"
        claim.write(address=address)
        environment.update(child_environment())
        # The last connection to a SQLite file checkpoints its write-ahead log: keep ours until the children have ended.
        undo.callback(connections.close_all)
        broker = self._broker(environment, undo)
        claim.write(broker=environment["CELERY_BROKER_URL"], results=environment.get("CELERY_RESULT_BACKEND"))
        supervisor.say(f"Broker: {broker}.")
        supervisor.say(f"Migrating {database} …")
        with interruptible(supervisor.ask_end):
            supervisor.raise_if_end_asked()
            call_command("migrate", interactive=False, verbosity=verbosity - 1, stdout=self.stdout)
        if drop_broken_schedule(Path(beat_file())):
            supervisor.say("A kill broke beat's schedule file; beat starts a new one.")
        supervisor.raise_if_end_asked()
        supervisor.say("Starting worker, beat and web …")
        undo.callback(supervisor.stop)
        run_children(supervisor, programs(host, port, beat_file(), verbosity), address, database, broker)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # also into a pipe or a file

    def _broker(self, environment: dict[str, str], undo: ExitStack) -> str:
        if os.environ.get("CELERY_BROKER_URL"):
            return "the one in CELERY_BROKER_URL"
        try:
            from ...embedded.redis_server import RedisServer
        except ImportError as missing:
            raise CommandError(
                f"the embedded Redis needs the package {missing.name}: pip install '.[embedded]' in the clone of "
                "refunds, or name another broker in CELERY_BROKER_URL"
            ) from missing
        redis = undo.enter_context(RedisServer())
        environment["CELERY_BROKER_URL"] = redis.url(0)
        environment.setdefault("CELERY_RESULT_BACKEND", redis.url(1))
        return f"a Redis inside this process, {redis.url(0)}; it keeps nothing when it ends"


def run_children(supervisor: Supervisor, children: list[Program], *shown: str) -> None:
    """Start the children, show the screen, and wait for a signal. Raises CommandError if a child ends."""
    try:
        for program in children:
            supervisor.start(program)
        supervisor.wait_ready()
        supervisor.say(screen(supervisor.children, *shown))
        supervisor.wait()
    except EndAsked:
        supervisor.say("Stopping …")
    except ChildEnded as ended:
        raise CommandError(f"{ended}; its last lines are above. Everything else was stopped.") from None


def claimed(database: str, undo: ExitStack) -> Claim:
    """Record that this process serves the database. Raises CommandError if another process does."""
    try:
        claim = Claim(connection.settings_dict)
    except Running as other:
        pid, address, since = (other.record.get(name, "not known yet") for name in ("pid", "address", "since"))
        raise CommandError(
            f"serve already runs on {database}: process id {pid}, {address}, since {since}. Nothing was started; "
            "use that one, or end it first by Ctrl-C or SIGTERM",
            returncode=EXIT_STATUS,
        ) from None
    except OSError as error:
        path = next_to(connection.settings_dict, "serve")
        raise CommandError(
            f"cannot write {path}, where serve records that it runs: {error.strerror}. Nothing was started; make the "
            "folder writable, or name a database elsewhere in DATABASE_URL",
            returncode=EXIT_STATUS,
        ) from error
    undo.callback(claim.release)
    claim.write(pid=os.getpid(), since=timezone.localtime().isoformat(timespec="seconds"))
    return claim


def child_environment() -> dict[str, str]:
    """Return the environment of the children. Raises CommandError for an unusable key."""
    try:
        key = os.environ.get("DJANGO_SECRET_KEY") or kept_key(connection.settings_dict, settings.SECRET_KEY)
    except BadKey as bad:
        raise CommandError(f"{bad}. Nothing was started", returncode=EXIT_STATUS) from None
    return (
        {"REFUNDS_HOLD": HOLD}
        | os.environ
        | {
            # All processes, and the next run, use one key: each reads sessions that another one signed.
            "DJANGO_SECRET_KEY": key,
            # The children import the project from where this process did, in any working folder.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONUNBUFFERED": "1",  # a line appears when it is written
            "DJANGO_RUNSERVER_HIDE_WARNING": "true",  # docs/serve.md says what Django's server is for here
        }
    )


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0. Raises CommandError if nothing can listen on it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # Set this option as the web server does, so that a port with only closing connections is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as failure:
        raise CommandError(
            f"cannot listen on {authority(host, port)}: {failure}. Nothing was started; choose another by --port or "
            "--host"
        ) from failure


def authority(host: str, port: int) -> str:
    """Return the host and port in the form of a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def database_name() -> str:
    """Return the database's name. Raises CommandError for one in memory, which processes cannot share."""
    path = database_file(connection.settings_dict)
    if connection.vendor == "sqlite" and path is None:
        raise CommandError(
            "the database is in memory, and each process would have its own: name a file in DATABASE_URL"
        )
    return str(path or f"{connection.settings_dict['NAME']} ({connection.vendor})")


def beat_file() -> str:
    """Return the path of beat's schedule file: next to a SQLite file, or beat's default in the working folder."""
    if connection.vendor == "sqlite":
        return str(next_to(connection.settings_dict, "beat"))
    return os.path.abspath("celerybeat-schedule")  # noqa: PTH100  # a name, not a link to be followed


def programs(host: str, port: int, schedule: str, verbosity: int) -> list[Program]:
    """Return the children in the order of their start.

    The worker's pool is solo. So the worker has no child process that could outlive it, and SQLite, which allows one
    writer at a time, gains nothing from more. Solo has no time limits, but the wallet, which pays here, cannot hang.
    """
    level = "info" if verbosity > 1 else "warning"
    celery = ("--quiet", "-A", APP)
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")  # these only serve several workers
    web = ("--noreload", "--insecure", "--skip-checks", "--verbosity", str(verbosity))
    return [
        lifeline("worker", *celery, "worker", "--pool", "solo", *alone, "--loglevel", level, grace=WORKER_GRACE),
        lifeline("beat", *celery, "beat", "--schedule", schedule, "--pidfile", "", "--loglevel", level),
        # The reloader starts a child process, --insecure serves static files without DEBUG, and the checks have run.
        lifeline("web", *web, authority(host, port)),
    ]
