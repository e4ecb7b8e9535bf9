"""After a kill: work goes on when a worker is back, users stay logged in, and commands find the new broker."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from refunds.project.embedded.redis_server import RedisServer

from .production import OURS, python
from .running import LONG, ROOT, Browser, Serve, on_one_day
from .test_worker_lost import CHECKOUT

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
WORKER = ("worker", "-A", "refunds.project.app", "worker", "--pool", "solo", "--loglevel", "info")
STATUSES = "from refunds.models import ReturnRequest; print(*ReturnRequest.objects.values_list('status', flat=True))"
# As after an outage of more than a minute; sooner, the reconciler takes what was sent for under way.
AGE = """
from datetime import timedelta
from django.utils import timezone
from refunds.models import Chunk, Refund, Sweep
for model in (Chunk, Refund, Sweep):
    model.objects.update(dispatched_at=timezone.now() - timedelta(minutes=2))
"""
# By the rows, not by a result: Celery 5.5 keeps none where the app ignores results. The reconciler sends what is left.
FINISH = f"""
import threading
from refunds.models import Refund
from refunds.operations.audit import run_audit
from refunds.tasks import reconcile
reconcile.apply_async(queue="payments")
while Refund.objects.filter(status="succeeded").count() < {ROWS}:
    threading.Event().wait(0.5)
books = run_audit()
print([(line.status, line.count, line.total) for line in books.refunds], books.problems)
"""


def test_starting_worker_asks_for_lost_messages(tmp_path: Path) -> None:
    """Without beat, the worker's start makes the reconciler send lost messages again."""
    with RedisServer() as redis:
        environment = {"CELERY_BROKER_URL": redis.url(), "PYTHONPATH": f"{ROOT}{os.pathsep}{CHECKOUT}"}
        python(tmp_path, "-c", f"import refunds.project.app, django; django.setup()\n{LOST}", environment=environment)
        worker = subprocess.Popen(
            [sys.executable, "-m", "refunds.project.embedded.lifeline", *WORKER],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith(OURS)} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # Far longer than it takes, so that only a hang ends like this: then there are no more lines to read.
        patience = threading.Timer(LONG, worker.kill)
        patience.start()
        assert worker.stdout is not None
        lines = []
        for line in worker.stdout:
            lines.append(line)
            if re.search(r"Task refunds.decide_chunk\[\S+\] succeeded", line):
                break
        patience.cancel()
        worker.kill()
        worker.communicate()
        statuses = python(
            tmp_path, "-c", f"import refunds.project.app, django; django.setup()\n{STATUSES}", environment=environment
        ).stdout
    assert statuses == "declined declined declined\n", "".join(lines)


def test_a_killed_serve_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed in the middle of a sweep and started again: each return is paid once, and the user is still logged in."""
    on_one_day(killed_and_started_again, tmp_path)


def killed_and_started_again(tmp_path: Path) -> None:
    file = tmp_path / "returns.csv"
    rows = "\n".join(f"{n}/1,1,12.50,GBP,2026-01-02T10:00:00Z" for n in range(ROWS))
    file.write_text(f"order_line,quantity,amount,currency,requested_at\n{rows}\n")
    with Serve(tmp_path) as first:
        browser = Browser(first.url)
        browser.get("/admin/login/")
        browser.post("/admin/login/?next=/admin/", username="admin", password=first.password)
        first.command("-m", "refunds", "import_returns", str(file)).communicate(timeout=60)
        # The command's environment names no broker: it finds the embedded one.
        said, _ = first.command("-m", "refunds", "approve_all").communicate(timeout=60)
        assert said.splitlines()[-1] == "A worker has taken it."
        refused, _ = first.command("-m", "refunds", "serve").communicate(timeout=60)
        assert f"process id {first.process.pid}, {first.url}/admin/, since " in refused
        first.end(signal.SIGKILL)
    key = (tmp_path / "refunds.sqlite3-key").read_bytes()
    said, _ = first.command("-m", "refunds", "approve_all").communicate(timeout=60)
    with Serve(tmp_path) as second:
        browser.base = second.url
        assert "Site administration" in browser.get("/admin/")
        second.python(AGE)
        assert second.python(FINISH) == f"[('succeeded', {ROWS}, {ROWS * 1250})] []\n"
        status, rest = second.end(signal.SIGTERM)
    assert status == 0
    assert "Traceback" not in second.screen + rest
    assert (tmp_path / "refunds.sqlite3-key").read_bytes() == key
    assert not (tmp_path / "refunds.sqlite3-serve").exists()
