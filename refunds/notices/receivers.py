"""Receive the core's signals."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.dispatch import receiver

from .. import signals
from ..domain.sweeps import IdRange
from ..models import ReturnRequest
from . import declines, queries, resend, sending


@receiver(signals.refunds_settled, dispatch_uid=f"{__name__}.notify")
def notify(id_range: IdRange, now: datetime, **_: object) -> None:
    """Insert the notices of refunds that were settled at `now`, and send their messages on commit."""
    sending.send_messages(queries.insert_notices(id_range, now))


@receiver(signals.requests_declined, dispatch_uid=f"{__name__}.notify_declined")
def notify_declined(
    rows: QuerySet[ReturnRequest], code: str, asked: Mapping[str, str], now: datetime, **_: object
) -> None:
    """Insert the notices of declined requests, and send their messages on commit, if there is something to tell."""
    if sentence := asked.get("sentence") or declines.text_of(code):
        sending.send_messages(queries.insert_declines(rows, sentence, now))


@receiver(signals.refunds_reopened, dispatch_uid=f"{__name__}.suppress")
def suppress(ids: Sequence[int], now: datetime, **_: object) -> None:
    """Suppress the notices of failures that are no longer true."""
    queries.suppress_reopened(ids, now)


@receiver(signals.reconciling, dispatch_uid=f"{__name__}.send_again")
def send_again(now: datetime, patience: timedelta, **_: object) -> dict[str, int]:
    """Send lost messages again."""
    return {"notices": resend.send_again(now, patience)}


@receiver(signals.health_requested, dispatch_uid=f"{__name__}.health")
def health(now: datetime, **_: object) -> list[str]:
    """Report the notices that are late."""
    return resend.late(now)
