"""Instants and rows for tests. One call makes a row, and names only what the test is about."""

from datetime import date, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import F, Model

from refunds import queries
from refunds.apps import LABEL
from refunds.domain import cutoff
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Status
from refunds.gateways import Order
from refunds.models import Chunk, Refund, ReturnRequest, Sweep, WalletEntry

BLINK, SECOND, MINUTE, HOUR, DAY = (
    timedelta(microseconds=1),
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
# All instants are relative to the cutoff of an ordinary summer day, so that the tests hold for any cutoff.
TODAY = date(2026, 7, 15)
CUTOFF = cutoff.on(TODAY)
# Six hours before it, and never on another side of a cutoff. With a cutoff soon after midnight it is a day earlier.
NOON = CUTOFF - 6 * HOUR
# When the button is pressed.
PRESSED = CUTOFF - 2 * MINUTE


def local(instant: datetime) -> str:
    """The instant on the clocks of the cutoff's zone, as pages show it."""
    return f"{instant.astimezone(cutoff.ZONE):%Y-%m-%d %H:%M:%S}"


def make_requests(count: int = 1, **columns: Any) -> list[ReturnRequest]:
    """`count` pending return requests of 12.50 GBP each, received at noon, or as the columns say.

    Approved ones have their pending refund.
    """
    values: dict[str, Any] = {
        "order_line": "1001/1",
        "quantity": 1,
        "amount_minor": 1250,
        "currency": "GBP",
        "customer": "c-1",
        "received_at": NOON,
        **columns,
    }
    values.setdefault("requested_at", values["received_at"])
    status = values.pop("status", Status.REQUESTED)
    decided_at = values.pop("decided_at", values["received_at"])
    with transaction.atomic():
        made = ReturnRequest.objects.bulk_create([ReturnRequest(**values) for _ in range(count)])
        if status != Status.REQUESTED:
            own_refund = F("pk") if status == Status.APPROVED else None
            rows = ReturnRequest.objects.filter(pk__in=[row.pk for row in made])
            rows.update(status=status, own_refund=own_refund, decided_at=decided_at)
            if own_refund:
                queries.insert_refunds(rows, decided_at)
            made = list(rows.order_by("pk"))
    return made


def make_refund(**columns: Any) -> Refund:
    """A pending refund of 12.50 GBP of a new request approved at noon, or as the columns say.

    What is a column of the request too goes there.
    """
    names = {field.name for field in ReturnRequest._meta.fields} - {"status"}
    request_columns = {name: value for name, value in columns.items() if name in names}
    (request,) = make_requests(status=Status.APPROVED, **request_columns)
    Refund.objects.filter(pk=request.pk).update(**{name: columns[name] for name in columns if name not in names})
    return Refund.objects.select_related("request").get(pk=request.pk)


def make_processing(**columns: Any) -> Refund:
    """A refund that the provider accepted at noon as re_1, or as the columns say."""
    accepted: dict[str, Any] = {"attempts": 1, "first_attempt_at": NOON, "accepted_at": NOON, "receipt": "re_1"}
    accepted |= {"status": RefundStatus.PROCESSING, "dispatched_at": NOON}
    return make_refund(**{**accepted, **columns})


def make_failed(count: int = 1, **columns: Any) -> list[int]:
    """The ids of new refunds that were given up at noon after twelve attempts."""
    ids = [row.pk for row in make_requests(count, status=Status.APPROVED)]
    values: dict[str, Any] = {"attempts": 12, "first_attempt_at": NOON, "settled_at": NOON}
    values |= {"status": RefundStatus.FAILED, "failure": "card closed", **columns}
    Refund.objects.filter(pk__in=ids).update(**values)
    return ids


def refund_rows(*ids: int) -> dict[int, dict[str, Any]]:
    """All columns of these refunds, or of all where none is named, by id."""
    refunds = Refund.objects.filter(pk__in=ids) if ids else Refund.objects.all()
    return {refund["request_id"]: {**refund} for refund in refunds.order_by("pk").values()}


def empty_tables() -> None:
    """Delete every row of the app and its rooms; in one transaction: requests and refunds refer to each other."""
    rooms = [model for model in apps.get_models() if model._meta.app_label.startswith(f"{LABEL}_")]
    models: list[type[Model]] = [*rooms, WalletEntry, Refund, ReturnRequest, Chunk, Sweep]
    with transaction.atomic():
        for model in models:
            model._default_manager.all().delete()


def order(refund: Refund, **columns: Any) -> Order:
    """What a payer is told of the refund at its first attempt, or as the columns say."""
    values: dict[str, Any] = {
        "refund_id": refund.pk,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "customer": refund.request.customer,
        "payment": refund.request.payment,
        "reference": refund.request.key,
        "asked_before": False,
        **columns,
    }
    return Order(**values)


def never_read_tables() -> None:
    """Have PostgreSQL use an index where it can, until the transaction ends: a test's table is too small for one."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
