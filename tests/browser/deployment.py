"""The default project in three processes, as `serve` starts them, which a test can kill and start again."""

import signal
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Self

from refunds.project.embedded.redis_server import RedisServer
from refunds.project.management.commands.serve import free_port

from ..chaos.crew import Crew
from ..chaos.services.turned import zones
from ..project.running import LONG, SETUP, clean, start
from .demo import OPERATOR, PASSWORD

HOST = "127.0.0.1"
NAMES = ("web", "worker", "beat")
EMPTY = f"""
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
User.objects.create_superuser({OPERATOR!r}, password={PASSWORD!r})
"""


class Deployment:
    """Web, worker and beat on an empty database in `folder`, and a Redis in this process; entered once all serve.

    The cutoff is six hours away until `near_the_cutoff`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._undo, self._port = folder, ExitStack(), free_port(HOST, 0)
        self.url = f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        redis = self._undo.enter_context(RedisServer())
        self._environment = clean(
            {
                "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
                "DJANGO_SECRET_KEY": "of the operator's day, for sessions that outlive a process",
                "CELERY_BROKER_URL": redis.url(0),
                "CELERY_RESULT_BACKEND": redis.url(1),
                "REFUNDS_GATEWAY": "tests.browser.provider.Provider",
                **self._zone("morning", timedelta(hours=6)),
            }
        )
        assert self._python("-c", SETUP + EMPTY) == ""
        self._crew = self._undo.enter_context(Crew(self.folder, self._environment, "refunds.project.app"))
        self._start(*NAMES)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._undo.close()

    def refunds(self, *arguments: str) -> str:
        """Run a management command, and return its output. Fail when the command does."""
        return self._python("-m", "refunds", *arguments)

    def stop_worker_after(self, chunks: int) -> None:
        """Have the worker stop in the middle of the next sweep, once so many of its chunks are done."""
        (self.folder / "stop-after").write_text(str(chunks))

    def replace_worker(self, *, hold: int = 0) -> None:
        """Kill the worker, and start another, whose approvals are paid after `hold` seconds."""
        self._crew.kill("worker")
        (self.folder / "stop-after").unlink()
        self._environment["REFUNDS_HOLD"] = str(hold)
        self._start("worker")

    def near_the_cutoff(self, seconds: int) -> None:
        """Stop all processes, as an update does, and start them where the cutoff comes in so many seconds."""
        for name in NAMES:
            assert self._crew.stop(name, signal.SIGTERM, within=LONG), f"{name} did not end"
        self._environment |= self._zone("evening", timedelta(seconds=seconds))
        self._start(*NAMES)

    def check(self) -> None:
        """Raise what ended a process unasked; fail where a task raised what it should not have."""
        self._crew.check()
        assert self._crew.unforeseen() == {}

    def _zone(self, name: str, until_cutoff: timedelta) -> dict[str, str]:
        """Turn the cutoff's zone rather than the clock, so that every process has the same time as the browser."""
        return zones(self.folder / name, (datetime.now(UTC) + until_cutoff).replace(microsecond=0))

    def _start(self, *names: str) -> None:
        for name in names:
            match name:
                case "web":
                    self._crew.start_web(name, self._port)
                case "worker":  # one process, as `serve` has: with a pool, a kill of a child would do
                    self._crew.start_worker(name, "--pool", "solo", "--include", "tests.browser.stops")
                case "beat":
                    self._crew.start_beat(name)
        for _ in range(LONG * 20):
            if all(map(self._crew.ready, names)):
                return
            self._crew.check()
            Event().wait(0.05)
        raise TimeoutError(f"{names} do not serve within {LONG} s")

    def _python(self, *arguments: str) -> str:
        process = start(self.folder, *arguments, environment=self._environment)
        out, _ = process.communicate(timeout=LONG)
        assert process.returncode == 0, out
        return out
