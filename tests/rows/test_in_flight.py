"""Rows in flight when a set is frozen, on two connections of PostgreSQL: no decision takes them, whatever their ids."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from freezegun import freeze_time

from refunds import queries
from refunds.domain.returns import Decision, Status
from refunds.domain.sweeps import Frozen, Scope
from refunds.frozen import freeze, frozen_in
from refunds.models import Chunk, ReturnRequest, Sweep
from refunds.operations import button, sweeps
from refunds.operations.decisions import preview

from ..admin.conftest import CHANGE_LIST, browser, make_user, press, texts, token_of
from ..factories import CUTOFF, NOON, PRESSED, make_requests

pytestmark = pytest.mark.django_db(transaction=True)

IN_FLIGHT = 5_000
INSERT = """INSERT INTO refunds_returnrequest
    (key, order_line, quantity, amount_minor, currency, reason, customer, customer_email, payment, requested_at,
     received_at, status, decision_note)
    SELECT md5(random()::text), '9/9', 1, 9999999, 'EUR', '', '', '', '', %s, %s, 'requested', ''
    FROM generate_series(1, %s)"""


def execute(sql: str, *params: Any) -> Any:
    """Execute the statement, and return the first row that it finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone() if cursor.description else None


class Importer:
    """Another process that adds requests in one transaction, received at noon."""

    def __init__(self, *, savepoints: bool) -> None:
        self._connection, self._savepoints = connection.copy(), savepoints
        self._connection.set_autocommit(False)
        self.commit, self.close = self._connection.commit, self._connection.close

    def add(self, count: int) -> None:
        """Add so many, and do not commit."""
        statements = ("SAVEPOINT batch", INSERT, "RELEASE batch") if self._savepoints else (INSERT,)
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, [NOON, NOON, count] if statement == INSERT else None)


@pytest.fixture(params=[False, True], ids=["one transaction", "savepoints"])
def importer(request: pytest.FixtureRequest) -> Iterator[Importer]:
    """An importer with 2,500 rows in flight below the one row that is committed, and as many above it."""
    made = Importer(savepoints=request.param)
    made.add(IN_FLIGHT // 2)
    make_requests()
    made.add(IN_FLIGHT // 2)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _pressed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Press the button before the cutoff, without a broker."""
    monkeypatch.setattr("refunds.outbox._publish", lambda *_: None)
    with freeze_time(PRESSED):
        yield


def start() -> Sweep:
    """Start the sweep of what is committed now."""
    return button.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)[0]


def run(sweep: Sweep, now: Any = PRESSED, between: Callable[[], None] = lambda: None) -> None:
    """Plan the sweep and decide its chunks; `between` is called after the plan."""
    sweeps.plan_sweep(sweep.pk, now)
    between()
    for chunk in Chunk.objects.filter(sweep=sweep):
        sweeps.decide_chunk(chunk.pk, now)


def counts() -> dict[str, int]:
    return {name: count for name in Status if (count := ReturnRequest.objects.filter(status=name).count())}


def test_button_approves_the_one_row_that_its_page_showed(importer: Importer) -> None:
    """5,000 rows around it are committed after the page: the press approves 1, and the sweep has none left."""
    client = browser(make_user("approve_all"))
    token = token_of(client)
    assert preview(Decision.APPROVE, PRESSED).count == 1
    importer.commit()
    press(client, token)
    sweep = Sweep.objects.get()
    assert sweeps.progress(sweep, PRESSED).left == 1
    run(sweep)
    assert counts() == {"approved": 1, "requested": IN_FLIGHT}
    assert sweeps.progress(sweep, PRESSED).left == 0
    assert preview(Decision.APPROVE, PRESSED).count == IN_FLIGHT


@pytest.mark.parametrize("moment", ["before the plan", "between plan and chunks"])
def test_cutoff_declines_rows_committed_when_its_set_was_frozen(importer: Importer, moment: str) -> None:
    """A row received before the cutoff and committed after it is declined at the next day's cutoff."""
    sweep, _ = sweeps.decline_pending(CUTOFF)
    if moment == "before the plan":
        importer.commit()
    run(sweep, CUTOFF, importer.commit if moment == "between plan and chunks" else lambda: None)
    assert counts() == {"declined": 1, "requested": IN_FLIGHT}
    shown = preview(Decision.APPROVE, CUTOFF)
    assert (shown.count, shown.only_declinable) == (0, IN_FLIGHT)
    tomorrow = CUTOFF + timedelta(days=1)
    run(sweeps.decline_pending(tomorrow)[0], tomorrow)
    assert counts() == {"declined": IN_FLIGHT + 1}


def test_command_approves_what_it_counted(importer: Importer, capsys: pytest.CaptureFixture[str]) -> None:
    """`approve_all` prints 1 and approves 1."""
    call_command("approve_all")
    importer.commit()
    assert "1 pending, 12.50 GBP" in capsys.readouterr().out
    run(Sweep.objects.get())
    assert counts() == {"approved": 1, "requested": IN_FLIGHT}


def test_expired_sweep_counts_the_rows_left_of_its_frozen_set(importer: Importer) -> None:
    """It does not count rows that were in flight when its set was frozen."""
    sweep = start()
    importer.commit()
    sweeps.close_expired(CUTOFF)
    sweep.refresh_from_db()
    assert sweep.left == 1


def send(client: Client, action: str, **data: Any) -> Any:
    """Send the form of the list for all that match, or of the page after it."""
    form = {"action": action, "_selected_action": "0", "select_across": 1, **data}
    return client.post(CHANGE_LIST, form, follow=True)


@pytest.mark.parametrize(("action", "verb"), [("approve_selected", "approved"), ("decline_selected", "declined")])
def test_action_across_pages_decides_the_rows_that_its_page_showed(importer: Importer, action: str, verb: str) -> None:
    """1 of 1 row on the page; the message names the 5,000 that were committed since."""
    client = browser(make_user("approve_returnrequest", "decline_returnrequest"))
    page = send(client, action)
    assert page.context["found"].count == 1
    importer.commit()
    sent = {"token": page.context["token"], "code": "used", action.partition("_")[0]: "confirmed"}
    assert texts(send(client, action, **sent)) == [
        f"{verb.capitalize()}: 1. Not {verb}: {IN_FLIGHT:,} that came in after the page was made."
    ]
    assert counts() == {verb: 1, "requested": IN_FLIGHT}


def test_hanging_transaction_blocks_no_page_press_or_sweep(importer: Importer) -> None:
    """While a transaction keeps rows in flight, the page, the press and the sweep end within a lock's timeout."""
    execute("SET lock_timeout = '100ms'")
    try:
        run(start())
        importer.add(1)
    finally:
        connection.close()
    assert counts() == {"approved": 1}


def test_restored_rows_count_as_committed(importer: Importer) -> None:
    """Rows restored from a cluster with higher transaction ids are shown and approved; rows in flight here are not."""
    make_requests(2)
    ahead = f"(pg_current_xact_id()::text::bigint + {10**12})::text::xid8"
    execute(f"UPDATE refunds_returnrequest SET added_in = {ahead}")
    sweep = start()
    assert preview(Decision.APPROVE, PRESSED).count == 3
    importer.commit()
    run(sweep)
    assert counts() == {"approved": 3, "requested": IN_FLIGHT}


def test_restored_sweep_excludes_rows_in_flight_at_its_freeze() -> None:
    """Its snapshot is of the other cluster as its rows are: what that snapshot does not see is not decided."""
    rows = make_requests(2)
    for row, added_in in zip(rows, (10**15, 10**15 + 1), strict=True):
        execute("UPDATE refunds_returnrequest SET added_in = %s::text::xid8 WHERE id = %s", str(added_in), row.pk)
    of_the_other = Frozen(rows[-1].pk, f"{10**15 + 1}:{10**15 + 5}:{10**15 + 1}")
    assert list(ReturnRequest.objects.filter(frozen_in(of_the_other))) == [rows[0]]


def test_sweep_of_a_release_without_snapshots_goes_by_the_highest_id() -> None:
    """An empty snapshot excludes no id up to it."""
    row = make_requests()[0]
    make_requests()
    assert list(queries.pending(Scope(row.pk))) == [row]
