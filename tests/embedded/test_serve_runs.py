"""The whole of `serve`, with real processes: up, in use, and gone without a trace."""

import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.embedded.running import Browser, Serve, Watch

# Two rows of the day before yesterday, declined by the worker. The first answer says that the sweep is there and its
# plan queued, the second that the plan has run and its chunk is queued, the third that the chunk is done: one worker
# takes one message after the other.
DECLINE = """
from datetime import timedelta
from django.utils import timezone
from refunds.models import ReturnRequest
from refunds.tasks import decline_pending
then = timezone.now() - timedelta(days=2)
for _ in range(2):
    ReturnRequest.objects.create(
        order_line="1/1", quantity=1, amount_minor=1250, currency="GBP", requested_at=then, received_at=then
    )
for _ in range(3):
    decline_pending.apply_async(ignore_result=False).get(timeout=60)
print(list(ReturnRequest.objects.values_list("status", flat=True)))
"""


def files(directory: Path) -> set[str]:
    """The names in the directory; beat's schedule has the suffix of whatever dbm the machine has."""
    return {path.name.split("-beat")[0] for path in directory.iterdir()}


def test_serves_and_ends_without_a_trace(tmp_path: Path) -> None:
    """An admin logs in with the password shown, the worker decides rows of the database, Ctrl-C ends all of it."""
    with Serve(tmp_path) as serve:
        browser = Browser(serve.url)
        browser.get("/admin/login/")
        page = browser.post("/admin/login/?next=/admin/", username="admin", password=serve.password)
        assert "Site administration" in page
        assert "--primary" in browser.get("/static/admin/css/base.css")

        assert serve.python(DECLINE) == "['declined', 'declined']\n"

        watch = Watch(serve.children)
        status, rest = serve.end(signal.SIGINT)

    assert status == 0
    assert "Stopping" in rest
    assert "Traceback" not in serve.screen + rest
    assert watch.wait() == 0
    assert files(tmp_path) == {"refunds.sqlite3"}
    for url in (serve.url, serve.redis):
        with socket.socket() as probe:
            assert probe.connect_ex((urlsplit(url).hostname, urlsplit(url).port)) != 0


def test_no_child_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL leaves the supervisor no time to stop anything, and still nothing is left running."""
    with Serve(tmp_path) as serve:
        assert len(serve.children) == 3
        watch = Watch(serve.children)

        status, _ = serve.end(signal.SIGKILL)

    assert status == -signal.SIGKILL
    assert watch.wait() == 0


def test_child_that_dies_ends_the_rest(tmp_path: Path) -> None:
    """When beat is killed, serve says so, stops the others and fails."""
    with Serve(tmp_path) as serve:
        worker, beat, web = serve.children
        watch = Watch([worker, beat, web])
        serve.python(f"import os, signal; os.kill({beat}, signal.SIGKILL)")
        rest, _ = serve.process.communicate(timeout=60)

    assert serve.process.returncode == 1
    assert "CommandError: beat ended by SIGKILL; its last lines are above. Everything else has been stopped." in rest
    assert watch.wait() == 0
