"""`serve` with real processes, as a new user runs it; it ends with nothing left behind."""

import re
import signal
import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from tests.project.production import python
from tests.project.running import LONG, Browser, Serve, Watch, on_one_day

pytestmark = pytest.mark.processes

ROWS = 300
# Waits for the rows, not for a result: Celery 5.5 keeps none where the app ignores results. The reconciler sends what
# is left. Then prints the books.
FINISH = """
import threading
from refunds.models import Refund, Sweep
from refunds.management.audit import run_audit
from refunds.tasks import reconcile
reconcile.apply_async(queue="payments")
while Refund.objects.filter(status="succeeded").count() < {rows}:
    threading.Event().wait(0.5)
books = run_audit()
print([(line.status, line.count, line.total) for line in books.refunds], books.problems)
"""
ANSWER = f"""
from refunds.tasks import reconcile
for queue in ("decisions", "payments"):
    reconcile.apply_async(queue=queue, ignore_result=False).get(timeout={LONG / 2 - 10})
"""
BUTTON = "/admin/refunds/returnrequest/approve-all/"


def returns(folder: Path, rows: int) -> str:
    """Write a file of so many returns of 12.50 GBP, and return its path."""
    file = folder / "returns.csv"
    lines = "\n".join(f"{n}/1,1,12.50,GBP,2026-01-02T10:00:00Z" for n in range(rows))
    file.write_text(f"order_line,quantity,amount,currency,requested_at\n{lines}\n")
    return str(file)


def files(folder: Path) -> set[str]:
    """Return the names in the folder; beat's schedule has the suffix of whatever dbm the machine has."""
    return {path.name.split("-beat")[0] for path in folder.iterdir()}


def press_twice(serve: Serve, browser: Browser) -> None:
    """Approve all by the button, and see each return paid once; the same page sent again changes nothing."""
    page = browser.get(BUTTON)
    assert "300" in page
    assert "3,750.00" in page
    (token,) = re.findall(r'name="token" value="([^"]+)"', page)
    browser.post(BUTTON, token=token)
    finish = FINISH.format(rows=ROWS) + "print(Sweep.objects.count())"
    paid = f"[('succeeded', {ROWS}, {ROWS * 1250})] []\n1\n"
    assert serve.python(finish) == paid
    for sweep in (browser.get("/admin/refunds/sweep/1/change/"), browser.post(BUTTON, token=token)):
        assert 'value="100"' in sweep
        assert "done" in sweep
    # A worker that answers has done what was sent before, by the second press too.
    serve.python(ANSWER)
    assert serve.python(finish) == paid


def check_screen(serve: Serve) -> None:
    """Each step is a line, and the last lines say what to do."""
    lines = serve.screen.splitlines()
    assert lines[0] == "Refunds: loading Django and Celery …"
    steps = [line for line in lines[1:] if line.endswith(" …")]
    assert steps == [f"Migrating {serve.folder / 'refunds.sqlite3'} …", "Starting worker, beat and web …"]
    assert [line.split()[0] for line in lines[-4:]] == ["Admin", "User", "Password", "Next"]
    assert lines[-1] == "  Next      python -m refunds import_returns FILE   (in a second terminal, in this folder)"


@on_one_day
def test_serve_takes_a_file_to_the_ledger_and_ends_without_a_trace(tmp_path: Path) -> None:
    """Import, log in with the password shown, press the button; Ctrl-C ends all processes and keeps only the books."""
    file = returns(tmp_path, ROWS)
    with Serve(tmp_path) as serve:
        imported = serve.refunds("import_returns", file)
        assert re.search(r"^imported +300$", imported, re.MULTILINE), imported
        browser = serve.log_in()
        assert "Approve all pending" in browser.get("/admin/refunds/returnrequest/")
        assert "--primary" in browser.get("/static/admin/css/base.css")
        press_twice(serve, browser)
        assert serve.refunds("health") == "All is well.\n"
        watch = Watch(serve.children)
        status, rest = serve.end(signal.SIGINT)
    check_screen(serve)
    assert (status, "Stopping" in rest, "Traceback" in serve.screen + rest) == (0, True, False)
    # Without --verbosity, requests are no lines: the password stays on the screen.
    assert "GET /" not in rest
    assert watch.wait() == 0
    assert files(tmp_path) == {"refunds.sqlite3", "refunds.sqlite3-key", "returns.csv"}
    for url in (serve.url, serve.redis):
        with socket.socket() as probe:
            assert probe.connect_ex((urlsplit(url).hostname, urlsplit(url).port)) != 0


def test_database_elsewhere_has_its_files_beside_it(tmp_path: Path) -> None:
    """A full path with a space and letters beyond ASCII names it; the working folder stays empty.

    Above verbosity 1, each request is a line. An output in ASCII shows escapes for the letters that it lacks.
    """
    here, there = tmp_path / "here", tmp_path / "повернення 2026"
    here.mkdir()
    there.mkdir()
    url = f"sqlite:///{there / 'our books.sqlite3'}"
    with Serve(here, "--verbosity", "2", DATABASE_URL=url, PYTHONIOENCODING="ascii") as serve:
        assert "in this folder, with the same DATABASE_URL" in serve.screen
        assert files(there) == {f"our books.sqlite3{suffix}" for suffix in ("", "-key", "-serve", "-shm", "-wal")}
        Browser(serve.url).get("/admin/login/")
        with pytest.raises(HTTPError):
            Browser(serve.url).get("/none/")
        with socket.create_connection((urlsplit(serve.url).hostname, urlsplit(serve.url).port)) as web:
            web.sendall(b"GET /\xe9 HTTP/1.0\r\n\r\n")
            while web.recv(4096):  # the server writes the line before it closes the connection
                pass
        _, rest = serve.end(signal.SIGTERM)
    assert [f"GET /{path}" in rest for path in ("admin/login/", "none/", r"\xe9")] == [True] * 3
    assert files(there) == {"our books.sqlite3", "our books.sqlite3-key"}
    assert files(here) == set()


def test_interrupted_migration_is_rolled_back_and_completed_by_the_next_run(tmp_path: Path) -> None:
    """Ctrl-C ends serve in good order before it has started anything else."""
    serve = Serve(tmp_path, "--verbosity", "2")
    process = serve.start()
    assert process.stdout is not None
    next(line for line in process.stdout if "Applying auth.0001" in line)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=LONG)
    assert (process.returncode, "Traceback" in rest) == (0, False)
    assert rest.splitlines()[-1] == "Stopped before anything was started."
    assert files(tmp_path) == {"refunds.sqlite3", "refunds.sqlite3-key"}
    with serve:
        check_end_of_a_child(serve)


# Gets Ctrl-C in a destructor, where Python ignores KeyboardInterrupt, as in the clean-up of an import.
INTERRUPTED = """
import os, signal, sys
from refunds import __main__
{before}
class Loading:
    def find_spec(self, *_): Loading()
    def __del__(self): signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Loading())
sys.argv[1:] = ["serve", "--port", "{port}"]
__main__.main()
"""
# As in a shell's background job.
IGNORED = "signal.signal(signal.SIGINT, signal.SIG_IGN)"


@pytest.mark.parametrize(
    ("before", "port", "status", "error"),
    [
        ("signal.signal(signal.SIGINT, signal.default_int_handler)", 0, 130, "Interrupted.\n"),
        (IGNORED, -1, 1, "CommandError: cannot listen on 127.0.0.1:-1: .*\n"),
        (f"{IGNORED}; reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1)", 0, 0, ""),
    ],
    ids=["is not lost", "stays ignored", "stays ignored, and a closed output ends serve"],
)
def test_interrupt_while_serve_loads(tmp_path: Path, before: str, port: int, status: int, error: str) -> None:
    """It ends serve at once, wherever Python is, unless it was ignored. A closed output ends serve without an error."""
    code, buffered = INTERRUPTED.format(before=before, port=port), {"PYTHONUNBUFFERED": ""}
    done = python(tmp_path, "-c", code, environment=buffered, check=False)
    assert done.returncode == status, done.stderr
    assert re.fullmatch(error, done.stderr)
    assert files(tmp_path) <= {"refunds.sqlite3-key"}


def check_end_of_a_child(serve: Serve) -> None:
    """Kill beat: serve says so, stops the others and fails."""
    _, beat, _ = serve.children
    watch = Watch(serve.children)
    serve.python(f"import os, signal; os.kill({beat}, signal.SIGKILL)")
    rest, _ = serve.process.communicate(timeout=LONG)
    assert serve.process.returncode == 1
    assert "CommandError: beat ended by SIGKILL; its last lines are above. Everything else was stopped." in rest
    assert watch.wait() == 0
