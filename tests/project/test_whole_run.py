"""What a new user does: start everything, import a file, log in, press the button, see it reach 100 %."""

import re
import signal
from pathlib import Path

import pytest

from tests.project.running import Browser, Serve, on_one_day

pytestmark = pytest.mark.processes

ROWS = 300
# One worker takes one message after the other, so that when these have been answered, the plan, its chunk, the payments
# and the mails that were sent before or by them have been dealt with.
SETTLE = """
from refunds.tasks import reconcile
for _ in range(4):
    reconcile.apply_async(queue="decisions", ignore_result=False).get(timeout=60)
    reconcile.apply_async(queue="payments", ignore_result=False).get(timeout=60)
"""
BOOKS = """
from refunds.operations.audit import run_audit
books = run_audit()
print([(line.status, line.count, line.total) for line in books.refunds], books.problems)
"""
BUTTON = "/admin/refunds/returnrequest/approve-all/"


def token(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def test_from_file_to_ledger_through_the_admin(tmp_path: Path) -> None:
    """300 imported returns are approved by one press and refunded; a second press of the same page changes nothing."""
    on_one_day(whole_run, tmp_path)


def whole_run(tmp_path: Path) -> None:
    file = tmp_path / "returns.csv"
    rows = "\n".join(f"{n}/1,1,12.50,GBP,2026-01-02T10:00:00Z" for n in range(ROWS))
    file.write_text(f"order_line,quantity,amount,currency,requested_at\n{rows}\n")
    with Serve(tmp_path) as serve:
        imported, _ = serve.command("-m", "refunds", "import_returns", str(file)).communicate(timeout=60)
        assert re.search(r"^imported +300$", imported, re.MULTILINE), imported

        browser = Browser(serve.url)
        browser.get("/admin/login/")
        assert "Approve all pending" in browser.post(
            "/admin/login/?next=/admin/refunds/returnrequest/", username="admin", password=serve.password
        )
        page = browser.get(BUTTON)
        assert "300" in page
        assert "3,750.00" in page
        pressed = token(page)
        browser.post(BUTTON, token=pressed)
        serve.python(SETTLE)

        sweep = browser.get("/admin/refunds/sweep/1/change/")
        assert 'value="100"' in sweep
        assert "done" in sweep
        paid = f"[('succeeded', {ROWS}, {ROWS * 1250})] []\n"
        assert serve.python(BOOKS) == paid
        again = browser.post(BUTTON, token=pressed)
        serve.python(SETTLE)
        assert 'value="100"' in again
        assert serve.python(BOOKS) == paid
        health, _ = serve.command("-m", "refunds", "health").communicate(timeout=60)
        assert health == "All is well.\n"
        status, rest = serve.end(signal.SIGINT)
    assert status == 0
    assert "Traceback" not in serve.screen + rest
