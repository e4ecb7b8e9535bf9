"""A day of a million returns, and the pages that an operator asks for in between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from refunds import queries
from refunds.admin.base import COUNTED
from refunds.admin.requests import ReturnRequestAdmin
from refunds.brakes import undoing
from refunds.domain import cutoff
from refunds.domain.sweeps import IdRange
from refunds.models import Chunk, Refund, ReturnRequest, Sweep
from refunds.operations import sweeps
from refunds.overview import banner

from . import stock
from .browser import LIST, PAGE
from .looks import Operator

APP: Final = "/admin/refunds/"
REFUNDS, SWEEPS = f"{APP}refund/", f"{APP}sweep/"
# What a user can filter by. `sweep` has approved, and `row` is the last of its requests.
FILTERS: Final = (
    *("currency=EUR", "amount_from=100", "amount_to=50", "amount_from=100&currency=GBP", "sweep={sweep}"),
    *("sweep={sweep}&amount_from=200", "day={day}", "by=me", "by=nobody", "before={row}", "p={page}"),
)
LISTS: Final = {
    LIST: ("", "status=requested", "status=approved", "status=declined", "code=cutoff", "q=c-77", *FILTERS),
    REFUNDS: ("", "status=pending", "status=failed", "status=succeeded", "q=wallet:77", *FILTERS),
    f"{APP}walletentry/": ("", "sweep={sweep}", "q=c-77", "amount_from=200"),
    SWEEPS: ("", "day={day}", "by=me"),
    "/admin/refunds_notices/notice/": ("", "status=pending", "sweep={sweep}"),
}
# Of so many approved requests one payment fails, and of so many one waits.
FAILED, WAITING = 10, 7


def play(operator: Operator, rows: int) -> Iterator[str]:
    """Yield the name of each scene once it is played."""
    _add(rows, datetime.now(UTC))
    _overview(operator)
    operator.page("the button's page", PAGE)
    operator.time("press", operator.press, lambda: _fresh(operator))
    operator.confirmation(LIST, "approve_selected", f"before={_last() + 1}")
    operator.confirmation(LIST, "decline_selected", f"before={_last() + 1}")
    yield "all pending"

    sweep = _pressed(operator)
    _decide(sweep, half=True)
    _overview(operator)
    _sweep(operator, sweep)
    operator.page("the button's page", PAGE)
    operator.page("cancel", f"{SWEEPS}{sweep.pk}/cancel/")
    operator.page("undo", f"{SWEEPS}{sweep.pk}/undo/")
    operator.page("pending requests", f"{LIST}?status=requested")
    yield "half of a sweep open"

    _decide(sweep)
    _pay(sweep)
    _overview(operator)
    _sweep(operator, sweep)
    _lists(operator, sweep)
    _rows(operator)
    yield "paid"

    _add(rows, _before_the_cutoff())
    decline, _ = sweeps.decline_pending(datetime.now(UTC))
    _decide(decline, half=True)
    _overview(operator)
    _sweep(operator, decline)
    yield "half of a decline open"

    _decide(decline)
    _overview(operator)
    _sweep(operator, decline)
    yield "declined"

    _add(rows, datetime.now(UTC))
    sweep = _pressed(operator)
    _decide(sweep)
    operator.page("undo", f"{SWEEPS}{sweep.pk}/undo/")
    undoing.undo(sweep.pk, by=operator.user, reason="bench", now=datetime.now(UTC))
    chunks = Chunk.objects.filter(sweep=sweep).order_by("pk").values_list("pk", flat=True)
    for pk in chunks[: max(1, len(chunks) // 2)]:
        undoing.undo_chunk(pk, datetime.now(UTC))
    _overview(operator)
    _sweep(operator, sweep)
    operator.page("the button's page", PAGE)
    yield "half of a sweep undone"


def _overview(operator: Operator) -> None:
    """Measure the first page and the banner, both as they are once a second and between."""
    operator.page("overview", APP)
    operator.page("overview", APP, kept=True)
    operator.time("banner", lambda _: banner.lines(user=operator.user, now=timezone.now()))
    operator.time("banner", lambda _: banner.lines(user=operator.user, now=timezone.now()), kept=True)


def _sweep(operator: Operator, sweep: Sweep) -> None:
    """Measure the sweep's page, and the part that its script asks for; at last with everything counted."""
    page, part = f"{SWEEPS}{sweep.pk}/change/", f"{SWEEPS}{sweep.pk}/progress/"
    operator.page("sweep", page)
    operator.page("sweep, its changing part", part)
    while "Still counting" in operator.read(part):
        pass
    operator.page("sweep, all counted", page, kept=True)


def _lists(operator: Operator, sweep: Sweep) -> None:
    """Measure each list with each of its filters."""
    names = {"sweep": sweep.pk, "day": timezone.localdate(), "row": _last()}
    names["page"] = max(1, min(COUNTED, Refund.objects.count()) // ReturnRequestAdmin.list_per_page)
    for address, asked in LISTS.items():
        for query in asked:
            whole = query.format(**names)
            operator.page(f"{address.split('/')[-2]}?{whole}", f"{address}?{whole}")


def _rows(operator: Operator) -> None:
    """Measure the pages of a request and of a failed refund, what an operator can do with it, and "Try again"."""
    failed = Refund.objects.filter(queries.FAILED).order_by("pk").values_list("pk", flat=True)[0]
    for name in ("change", "history"):
        operator.page(f"request, {name}", f"{LIST}{failed}/{name}/")
        operator.page(f"refund, {name}", f"{REFUNDS}{failed}/{name}/")
    for remedy in ("correct-payment", "settle-elsewhere"):
        operator.page(remedy, f"{REFUNDS}{failed}/{remedy}/")
    operator.confirmation(REFUNDS, "try_again", "status=failed")


def _add(rows: int, received_at: datetime) -> None:
    stock.add_postgres(_url(), _last() + 1, rows, received_at)


def _url() -> str:
    found: Any = connection.settings_dict
    return f"postgres://{found['USER']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


def _last() -> int:
    return int(ReturnRequest.objects.order_by("-pk").values_list("pk", flat=True)[0])


def _before_the_cutoff() -> datetime:
    return cutoff.latest(datetime.now(UTC)) - timedelta(hours=1)


def _fresh(operator: Operator) -> str:
    """Return a page of the button, without the sweep of the press before, after which its page would be refused."""
    Sweep.objects.filter(closed_at=None).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_admin_log")
    return operator.read(PAGE)


def _pressed(operator: Operator) -> Sweep:
    return Sweep.objects.get(pk=operator.press(_fresh(operator)))


def _decide(sweep: Sweep, *, half: bool = False) -> None:
    """Plan the sweep, and decide half of its chunks, or the rest of them, after which everything is vacuumed."""
    sweeps.plan_sweep(sweep.pk, datetime.now(UTC))
    chunks = list(Chunk.objects.filter(sweep=sweep, done_at=None).order_by("pk").values_list("pk", flat=True))
    for pk in chunks[: max(1, len(chunks) // 2)] if half else chunks:
        sweeps.decide_chunk(pk, datetime.now(UTC))
    sweep.refresh_from_db()
    if not half:
        _vacuum()


def _pay(sweep: Sweep) -> None:
    """Settle the sweep's refunds, except for some that fail and some that wait."""
    now = datetime.now(UTC)
    failed = Refund.objects.filter(queries.UNPAID).extra(where=["request_id %% %s = 0"], params=[FAILED])
    failed.update(status="failed", settled_at=now, attempts=1, failure="card expired")
    for first, last in Chunk.objects.filter(sweep=sweep).values_list("first_id", "last_id"):
        queries.settle_range(IdRange(first, last - (last - first) // WAITING), now, "wallet:")
    _vacuum()


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
