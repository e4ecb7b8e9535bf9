"""The demo command: a day of returns on a database of its own."""

import re
import sys
from contextlib import nullcontext
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from refunds.domain import cutoff
from refunds.models import ReturnRequest
from refunds.project import demo

from ..data import count_and_total
from ..factories import MINUTE, make_requests

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str, status: int = 0) -> tuple[list[str], str]:
    """Return the lines of the demo's output, and its standard error. Fail unless it ends with the status."""
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) if status else nullcontext() as ended:
        call_command("demo", *arguments, stdout=out, stderr=err)
    assert status == (ended.value.code if ended else 0)
    return out.getvalue().splitlines(), err.getvalue()


@pytest.mark.parametrize("day", ["2026-03-29", pytest.param("2026-10-25", marks=pytest.mark.long)])
def test_each_row_of_the_day_is_counted(day: str) -> None:
    """A thousand requests: the button approves 900, the cutoff declines 80, and 20 wait for the next day."""
    make_requests(3)
    out, err = run("--day", day)
    due = cutoff.on(date.fromisoformat(day)).astimezone(cutoff.ZONE)
    equal = "every request is in exactly one state, every approved one has exactly one refund, the sums are equal"
    for line in (
        f"A day of returns, {due:%A %d %B %Y}, with the cutoff at {cutoff.LABEL}",
        "    1,000 requests imported, spread over the day:",
        f"      900 approved by the button at {due - 2 * MINUTE:%H:%M:%S %Z}",
        f"       80 declined by beat at {due:%H:%M:%S %Z}",
        "       20 still pending, for the next day",
        "      900 refunds paid",
        f"check: {equal}: ok",
    ):
        assert line in out
    assert err == ""
    # The demo has a database of its own: the project's rows are neither decided nor counted.
    assert set(ReturnRequest.objects.values_list("status", "decided_at")) == {("requested", None)}
    assert ReturnRequest.objects.count() == 3


def test_rows_of_a_file_are_spread_and_a_bad_one_is_named(tmp_path: Path) -> None:
    """Good rows are spread over the day; a bad one is named with its line and takes no part."""
    file = tmp_path / "returns.csv"
    currencies = ("EUR", "JPY")
    rows = "\n".join(f"{n}/1,1,9,{currencies[n % 2]},2026-01-02T10:00:00+02:00" for n in range(50))
    file.write_text(f"order_line,quantity,amount,currency,requested_at\n{rows}\n51/1,1,NaN,EUR,2026-01-02T10:00:00Z\n")
    out, err = run(str(file))
    assert "       50 requests imported, spread over the day:" in out
    assert err.startswith("line 52: ")
    # What `import_returns` prints of the same file: 25 rows at 9 in each currency.
    (heads, total) = [line.split() for line in out if line.startswith((" " * 18, "requests total"))]
    assert (heads, total) == (["EUR", "JPY"], ["requests", "total", "225.00", "225"])
    assert any("1 rows of the file were rejected (above) and took no part." in line for line in out)


def test_wrong_states_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a broken button the check names each state with a wrong count, and the exit status is 1."""
    monkeypatch.setattr(demo, "_press", lambda now: None)
    out, err = run(status=1)
    assert "check failed: 0 requests are approved, and 900 should be" in err
    assert "check failed: 0 refunds are paid, and 900 should be" in err
    assert not any(": ok" in line for line in out)


def test_missing_kit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names what to install, and there is no traceback."""
    monkeypatch.setitem(sys.modules, "refunds.project.demo", None)
    monkeypatch.delattr("refunds.project.demo")
    with pytest.raises(CommandError, match=r"pip install '\./rehearsal\[redis\]' in the clone of refunds"):
        run()


def test_unreadable_argument_is_refused(tmp_path: Path) -> None:
    """A missing file, a file that is no list of returns, or a day that does not exist is one clear line."""
    file = tmp_path / "other.csv"
    file.write_text("colour\nblue\n")
    for says, *arguments in (
        ("cannot read no-such-file: No such file or directory", "no-such-file"),
        ("colour", str(file)),
        ("'2026-02-30' is not a day", "--day", "2026-02-30"),
    ):
        with pytest.raises(CommandError, match=says):
            run(*arguments)


def test_real_returns_are_all_accounted_for(real_file: Path) -> None:
    """Every row is imported, and the sums of the three states add up to the file's total."""
    count, total = count_and_total(real_file)
    out, _ = run(str(real_file), "--layout", "online-retail")
    assert f"{count:>9,} requests imported, spread over the day:" in out
    sums = [line.split()[-1] for line in out if re.match("requests (?!total)", line)]
    assert sum(round(float(amount.replace(",", "")) * 100) for amount in sums) == total
    assert f"requests total {total / 100:>19,.2f}" in out
