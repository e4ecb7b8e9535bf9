"""The demo command: a day of returns on a database of its own."""

import sys
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from refunds.models import ReturnRequest
from refunds.project import demo

from ..factories import make_requests

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("demo", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("day", ["2026-03-29", pytest.param("2026-10-25", marks=pytest.mark.long)])
def test_the_day_is_told_and_checked(day: str) -> None:
    """A thousand requests: 900 approved at 17:58 and paid, 80 declined at 18:00:00, 20 left for the next day."""
    make_requests(3)
    out, err = run("--day", day)
    zone = "EET" if day == "2026-10-25" else "EEST"
    for line in (
        f"A day of returns in Kyiv, {date.fromisoformat(day):%A %d %B %Y}",
        "    1,000 requests imported, dealt out over the day:",
        f"      900 approved by the button at 17:58:00 {zone}",
        f"       80 declined by beat at 18:00:00 {zone}",
        "       20 still pending, for the next day",
        "      900 refunds paid",
        (
            "check: every request is in exactly one state, every approved one has exactly one refund, "
            "the sums are equal: ok"
        ),
    ):
        assert line in out.splitlines()
    assert err == ""
    # On a passing database: rows of the project's own are neither decided nor joined.
    assert set(ReturnRequest.objects.values_list("status", "decided_at")) == {("requested", None)}
    assert ReturnRequest.objects.count() == 3


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """Good rows are dealt out over the day, a bad one is named with its line and takes no part."""
    file = tmp_path / "returns.csv"
    rows = "\n".join(f"{n}/1,1,9.99,EUR,2026-01-02T10:00:00+02:00" for n in range(50))
    file.write_text(f"order_line,quantity,amount,currency,requested_at\n{rows}\n51/1,1,NaN,EUR,2026-01-02T10:00:00Z\n")
    out, err = run(str(file))
    assert "       50 requests imported, dealt out over the day:" in out.splitlines()
    assert err.startswith("line 52: ")
    assert "1 rows of the file were rejected (above) and took no part." in out


def test_books_that_do_not_add_up_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the button broken the check names what is wrong, and the exit status is 1."""
    monkeypatch.setattr(demo, "_press", lambda now: None)
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("demo", stdout=out, stderr=err)
    assert ended.value.code == 1
    assert "check failed: 0 requests are approved, and 900 should be" in err.getvalue()
    assert "check failed: 0 refunds are paid, and 900 should be" in err.getvalue()
    assert ": ok" not in out.getvalue()


def test_without_the_kit_the_demo_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project without the extra gets the name of the extra, and no traceback."""
    monkeypatch.setitem(sys.modules, "refunds.project.demo", None)
    monkeypatch.delattr("refunds.project.demo")
    with pytest.raises(CommandError, match=r"pip install \./rehearsal in the clone of refunds"):
        run()


def test_a_file_with_another_header_is_refused(tmp_path: Path) -> None:
    """A file that is no list of returns is one clear line."""
    file = tmp_path / "other.csv"
    file.write_text("colour\nblue\n")
    with pytest.raises(CommandError, match="colour"):
        run(str(file))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no-such-file",), "cannot read no-such-file: No such file or directory"),
        (("--day", "2026-02-30"), "'2026-02-30' is no day"),
    ],
)
def test_what_cannot_be_read_is_said(arguments: tuple[str, ...], says: str) -> None:
    """A missing file or a day that does not exist is one clear line."""
    with pytest.raises(CommandError, match=says):
        run(*arguments)


def test_the_rows_of_a_real_half_year(real_file: Path) -> None:
    """4,494 real returns: every one accounted for, and the sums of the three states are the file's."""
    out, _ = run(str(real_file), "--layout", "online-retail")
    assert "    4,494 requests imported, dealt out over the day:" in out.splitlines()
    sums = [line.split()[-1] for line in out.splitlines() if line.startswith("requests ")]
    assert sum(round(float(amount.replace(",", "")) * 100) for amount in sums) == 42_851_573
