"""`serve` with real processes: it starts, is used, and ends with nothing left behind."""

import signal
import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.project.running import Browser, Serve, Watch

pytestmark = pytest.mark.processes

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
    assert files(tmp_path) == {"refunds.sqlite3", "refunds.sqlite3-key"}
    for url in (serve.url, serve.redis):
        with socket.socket() as probe:
            assert probe.connect_ex((urlsplit(url).hostname, urlsplit(url).port)) != 0


def test_the_screen_says_what_happens_and_ends_with_what_to_do(tmp_path: Path) -> None:
    """Each step is a line. Requests are lines only above verbosity 1, so that the password stays on the screen."""
    for options, shown in (((), False), (("--verbosity", "2"), True)):
        with Serve(tmp_path, *options) as serve:
            Browser(serve.url).get("/admin/login/")
            with pytest.raises(HTTPError):
                Browser(serve.url).get("/none/")
            _, rest = serve.end(signal.SIGINT)
        lines = serve.screen.splitlines()
        assert lines[0] == "Refunds: loading Django and Celery …"
        steps = [line for line in lines if line.endswith(" …")]
        assert steps[1:] == [f"Migrating {tmp_path / 'refunds.sqlite3'} …", "Starting worker, beat and web …"]
        assert [line.split()[0] for line in lines[-4:]] == ["Admin", "User", "Password", "Next"]
        assert lines[-1] == "  Next      python -m refunds import_returns FILE   (in a second terminal, in this folder)"
        assert ("GET /admin/login/" in rest, "GET /none/" in rest) == (shown, shown)


def test_ctrl_c_during_the_migrations_ends_in_good_order(tmp_path: Path) -> None:
    """The migration under way is rolled back, nothing else was started, and the next run completes the migrations."""
    serve = Serve(tmp_path)
    process = serve.command("-m", "refunds", "serve", "--port", "0", "--verbosity", "2")
    assert process.stdout is not None
    for line in process.stdout:
        if "Applying auth.0001" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in rest) == (0, False)
    assert rest.splitlines()[-1] == "Stopped before anything was started."
    assert files(tmp_path) == {"refunds.sqlite3", "refunds.sqlite3-key"}
    with serve:
        serve.end(signal.SIGINT)


def test_a_database_elsewhere_has_its_files_beside_it(tmp_path: Path) -> None:
    """Named by a full path with a space and letters beyond ASCII; the working folder stays empty."""
    here, there = tmp_path / "here", tmp_path / "повернення 2026"
    here.mkdir()
    there.mkdir()
    serve = Serve(here)
    serve.environment["DATABASE_URL"] = f"sqlite:///{there / 'our books.sqlite3'}"
    with serve:
        assert "in this folder, with the same DATABASE_URL" in serve.screen
        assert files(there) == {f"our books.sqlite3{suffix}" for suffix in ("", "-key", "-serve", "-shm", "-wal")}
        serve.end(signal.SIGTERM)
    assert files(there) == {"our books.sqlite3", "our books.sqlite3-key"}
    assert files(here) == set()


def test_no_child_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL leaves the supervisor no time to stop its children, and they still end."""
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
    assert "CommandError: beat ended by SIGKILL; its last lines are above. Everything else was stopped." in rest
    assert watch.wait() == 0
