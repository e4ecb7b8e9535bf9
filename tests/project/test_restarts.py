"""After a kill: work goes on when a worker is back, users stay logged in, and commands find the new broker."""

import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from refunds.project.embedded.redis_server import RedisServer

from .production import python
from .running import LONG, SETUP, Serve, Watch, on_one_day, start
from .test_serve_runs import FINISH, returns

pytestmark = pytest.mark.processes

ROWS = 6_000  # two chunks: the second is still to be decided when the first is
# A sweep whose message is gone, as a Redis that ended with its `serve` leaves it, for longer than a minute.
LOST = """
from datetime import timedelta
from django.core.management import call_command
from django.utils import timezone
from celery_app import app
from refunds.models import Sweep
from refunds.operations import sweeps
from tests.factories import make_requests
call_command("migrate", verbosity=0)
now = timezone.now()
make_requests(3, received_at=now - timedelta(days=2))
sweeps.decline_pending(now)
assert app.control.purge() == 1
Sweep.objects.update(dispatched_at=now - timedelta(minutes=2))
"""
STATUSES = "from refunds.models import ReturnRequest; print(*ReturnRequest.objects.values_list('status', flat=True))"
# As after an outage of more than a minute; sooner, the reconciler takes what was sent for under way.
AGE = """
from datetime import timedelta
from django.utils import timezone
from refunds.models import Chunk, Refund, Sweep
for model in (Chunk, Refund, Sweep):
    model.objects.update(dispatched_at=timezone.now() - timedelta(minutes=2))
"""
# A refund that kills its worker among two others; the app and the gateway are those of chaos/poison.py.
POISON, ATTEMPTS = "import tests.chaos.poison\n", 2  # as many as chaos/poison.py allows, whose waits are its own
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
OUTCOMES = """
from refunds.models import Refund
rows = Refund.objects.order_by("pk").values_list("request__payment", "status", "attempts", "receipt", "failure")
print(*rows, sep="\\n")
"""


def celery(folder: Path, environment: dict[str, str], app: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a worker or beat, which ends with this process."""
    program = ("-m", "refunds.project.embedded.lifeline", arguments[0], "-A", app, *arguments)
    return start(folder, *program, environment=environment, stdin=subprocess.PIPE)


def read(process: "subprocess.Popen[str]", done: Callable[[str], bool]) -> list[str]:
    """Return a process's lines until one is the last, or until the process has ended."""
    # Far longer than it takes, so that only a hang ends like this: then there are no more lines to read.
    patience = threading.Timer(LONG, process.kill)
    patience.start()
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.strip())
        if done(line):
            break
    patience.cancel()
    return lines


def test_starting_worker_asks_for_lost_messages(tmp_path: Path) -> None:
    """Without beat, the worker's start makes the reconciler send lost messages again."""
    with RedisServer() as redis:
        environment = {"CELERY_BROKER_URL": redis.url()}
        python(tmp_path, "-c", SETUP + LOST, environment=environment)
        worker = celery(tmp_path, environment, "refunds.project.app", "worker", "--pool=solo", "--loglevel=info")
        lines = read(worker, lambda line: bool(re.search(r"Task refunds.decide_chunk\[\S+\] succeeded", line)))
        worker.kill()
        worker.communicate()
        statuses = python(tmp_path, "-c", SETUP + STATUSES, environment=environment).stdout
    assert statuses == "declined declined declined\n", lines


def test_refund_that_kills_its_worker_is_attempted_a_bounded_number_of_times(tmp_path: Path) -> None:
    """The others are paid, the poison fails after as many attempts as the policy allows, and the worker lives on."""
    settled: set[str] = set()

    def is_settled(line: str) -> bool:
        match line.split():
            case ["left", refund, "succeeded" | "failed"]:
                settled.add(refund)
        return len(settled) == 3

    with RedisServer() as redis:
        environment = {"CELERY_BROKER_URL": redis.url(), "REFUNDS_GATEWAY": "tests.chaos.poison.Payer"}
        python(tmp_path, "-c", POISON + APPROVE, environment=environment)
        run = (tmp_path, environment, "tests.chaos.poison")
        beat = celery(*run, "beat", "--schedule", str(tmp_path / "beat"), "--pidfile=", "--loglevel=warning")
        worker = celery(*run, "worker", "--pool=prefork", "--concurrency=1", "--loglevel=warning")
        lines = read(worker, is_settled)
        lives = worker.poll() is None
        for process in (beat, worker):
            process.kill()
            process.communicate()
        outcomes = python(tmp_path, "-c", POISON + OUTCOMES, environment=environment).stdout
    assert (settled, lives) == ({"1", "2", "3"}, True), lines
    assert sorted(line for line in lines if line.startswith("asked")) == ["asked 1"] * ATTEMPTS + ["asked 2", "asked 3"]
    assert outcomes.splitlines() == [
        f"('poison', 'failed', {ATTEMPTS}, '', 'gave up after {ATTEMPTS} attempts without an answer')",
        "('a', 'succeeded', 1, 'paid-2', '')",
        "('b', 'succeeded', 1, 'paid-3', '')",
    ]


@on_one_day
def test_killed_serve_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed in a sweep, no child is left; started again, it pays each return once, and the user is still logged in."""
    with Serve(tmp_path) as first:
        browser = first.log_in()
        first.refunds("import_returns", returns(tmp_path, ROWS))
        assert first.refunds("approve_all").splitlines()[-1] == "A worker has taken it."
        assert f"process id {first.process.pid}, {first.url}/admin/, since " in first.refunds("serve")
        assert len(first.children) == 3
        watch = Watch(first.children)
        assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert watch.wait() == 0
    key = (tmp_path / "refunds.sqlite3-key").read_bytes()
    first.refunds("approve_all")
    with Serve(tmp_path) as second:
        browser.base = second.url
        assert "Returns and refunds" in browser.get("/admin/")
        assert second.python(AGE + FINISH.format(rows=ROWS)) == f"[('succeeded', {ROWS}, {ROWS * 1250})] []\n"
        status, rest = second.end(signal.SIGTERM)
    assert (status, "Traceback" in second.screen + rest) == (0, False)
    assert (tmp_path / "refunds.sqlite3-key").read_bytes() == key
    assert not (tmp_path / "refunds.sqlite3-serve").exists()
