"""A refund that kills the worker that pays it: a real worker, pool and beat, and a Redis in this process."""

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from refunds.project.embedded.redis_server import RedisServer

from .running import LONG, ROOT

pytestmark = pytest.mark.processes

CHECKOUT = Path(__file__).parents[2]
ATTEMPTS = 2  # as many as poison.py allows; it cannot be imported here, where the app has its own waits
APPROVE = """
from django.core.management import call_command
from django.utils import timezone
from refunds.domain.returns import Decision
from refunds.operations.decisions import decide_chosen
from tests.factories import make_requests
call_command("migrate", verbosity=0)
now = timezone.now()
made = [make_requests(payment=payment, received_at=now)[0] for payment in ("poison", "a", "b")]
decide_chosen([request.pk for request in made], Decision.APPROVE, by=None, note="", now=now)
"""
BOOKS = """
from refunds.models import Refund
rows = Refund.objects.order_by("pk").values_list("request__payment", "status", "attempts", "receipt", "failure")
print(*rows, sep="\\n")
"""


class Project:
    """The app of poison.py on a database in `folder`, and processes of it."""

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "DATABASE", "DJANGO_"))
        } | {
            # The tested copy of the package first, then the tests.
            "PYTHONPATH": f"{ROOT}{os.pathsep}{CHECKOUT}",
            "CELERY_BROKER_URL": broker,
            "REFUNDS_GATEWAY": "tests.project.poison.Payer",
        }

    def python(self, code: str) -> str:
        """Run code in the project; its output. Fails when the code does."""
        command = [sys.executable, "-c", f"import tests.project.poison\n{code}"]
        return subprocess.run(
            command, check=True, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        ).stdout

    def celery(self, program: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a worker or beat, which ends with this process."""
        own = ("--quiet", "-A", "tests.project.poison", program, *arguments, "--loglevel", "warning")
        return subprocess.Popen(
            [sys.executable, "-m", "refunds.project.embedded.lifeline", program, *own],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def read_until_settled(worker: "subprocess.Popen[str]", count: int) -> list[str]:
    """The worker's lines until it has settled so many refunds."""
    lines: list[str] = []
    settled: set[str] = set()
    assert worker.stdout is not None
    for line in worker.stdout:
        lines.append(line.strip())
        match line.split():
            case ["left", refund, "succeeded" | "failed"]:
                settled.add(refund)
        if len(settled) == count:
            break
    assert len(settled) == count, lines
    return lines


def test_a_refund_that_kills_its_worker_is_attempted_a_bounded_number_of_times(tmp_path: Path) -> None:
    """The others are paid, the poison fails after as many attempts as the policy allows, and the worker lives on."""
    with RedisServer() as redis:
        project = Project(tmp_path, redis.url())
        project.python(APPROVE)
        beat = project.celery("beat", "--schedule", str(tmp_path / "beat"), "--pidfile", "")
        worker = project.celery("worker", "--pool", "prefork", "--concurrency", "1")
        # Far longer than it takes, so that only a hang ends like this: then there are no more lines to read.
        patience = threading.Timer(LONG, worker.kill)
        patience.start()
        try:
            lines = read_until_settled(worker, count=3)
            assert worker.poll() is None
        finally:
            patience.cancel()
            for process in (beat, worker):
                process.kill()
                process.communicate()
        books = project.python(BOOKS).splitlines()
    asked = Counter(line for line in lines if line.startswith("asked"))
    assert asked == {"asked 1": ATTEMPTS, "asked 2": 1, "asked 3": 1}
    assert books == [
        f"('poison', 'failed', {ATTEMPTS}, '', 'gave up after {ATTEMPTS} attempts without an answer')",
        "('a', 'succeeded', 1, 'paid-2', '')",
        "('b', 'succeeded', 1, 'paid-3', '')",
    ]
