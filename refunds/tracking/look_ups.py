"""Send look-ups of refunds: at growing intervals, and at once if the provider hints that a refund has changed."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext

from .. import outbox, queries, signals
from ..apps import LABEL
from ..domain.refunds import RefundStatus
from ..gateways import Gateway
from ..models import Refund
from ..operations import PATIENCE, RECONCILE_EVERY, local
from ..operations.reconcile import claimed
from .intervals import SHORTEST_WAIT
from .models import LookUp
from .outcomes import LOOKED_UP

LOOK_UP_REFUND: Final = f"{LABEL}.look_up_refund"
# The most look-ups that one run of the reconciler sends; the next run, 30 seconds later, sends more.
BATCH: Final = 1_000
# When a look-up is overdue for this long, the reconciler has sent it again without effect: no worker takes it.
OVERDUE: Final = timedelta(minutes=75)
# Five business days: Stripe says that a bank takes 5 to 10. From then on, an operator should find out what the refund
# waits for. The account's balance can be too low, or the customer has 45 days to give bank details.
# https://support.stripe.com/questions/customer-refund-processing-time
# https://docs.stripe.com/payments/customer-balance/refunding
LONG: Final = timedelta(days=7)


def hint(reference: str, receipt: str, says: RefundStatus | None, now: datetime) -> int:
    """Look up the refund with this reference now, because the provider hints that its state has changed.

    The hint changes no state: it only brings the look-up forward. `receipt` is the provider's id of the refund; a hint
    about an earlier refund of the same request is ignored. `says` is the hinted state, or None if it is unknown; a hint
    at the row's own state is ignored. The row keeps the hint until the look-up, so the message can be lost. Return the
    number of refunds to look up.
    """
    with transaction.atomic():
        rows = Refund.objects.filter(request__key=reference, receipt__in=("", receipt)).exclude(
            status__in=(RefundStatus.FAILED, *filter(None, [says]))
        )
        found = list(rows.select_for_update(of=("self",)).values_list("pk", "status"))
        _look_up_at(now, [pk for pk, _ in found])
        # `sent_at` stays: if this message is lost, the reconciler's next run sends another.
        messages = [{"refund_id": pk} for pk, status in found if status in LOOKED_UP]
        outbox.on_commit(LOOK_UP_REFUND, messages)
    return len(found)


def _look_up_at(instant: datetime, ids: list[int]) -> None:
    LookUp.objects.bulk_create(
        [LookUp(pk=pk, look_at=instant) for pk in ids],
        update_conflicts=True,
        unique_fields=["refund"],
        update_fields=["look_at"],
    )


def _due(now: datetime) -> QuerySet[LookUp]:
    return LookUp.objects.filter(look_at__lte=now, refund__status__in=LOOKED_UP)


def _missing(now: datetime) -> QuerySet[Refund]:
    """Return the processing refunds without a look-up, which exist after this room is added to a running project."""
    return Refund.objects.filter(queries.UNDER_WAY, look_up__look_at=None, accepted_at__lte=now - SHORTEST_WAIT)


def send_look_ups(now: datetime, gateway: Gateway, patience: timedelta = PATIENCE) -> int:
    """Send a message for each look-up that is due and has no message, as many as the provider takes. Return how many.

    A message that was sent `patience` ago for a look-up that is still due counts as lost if the queue is empty. Raises
    kombu's OperationalError if the broker does not answer.
    """
    limit = signals.share(gateway, RECONCILE_EVERY) or BATCH
    if missing := list(_missing(now).values_list("pk", flat=True)[:BATCH]):
        _look_up_at(now, missing)
    due = _due(now)
    if not due.exists():
        return 0
    unsent = Q(sent_at=None) | Q(sent_at__lt=F("look_at"))
    waits = Q(sent_at__lte=now - patience)
    if due.filter(waits).exists() and not outbox.queued(LOOK_UP_REFUND):
        unsent |= waits
    due = due.filter(unsent)
    ids = list(due.order_by("look_at").values_list("pk", flat=True)[:limit])
    with claimed(due.order_by("pk"), ids, sent_at=now) as found:
        outbox.on_commit(LOOK_UP_REFUND, [{"refund_id": row.pk} for row in found])
    return len(found)


def lines(now: datetime) -> list[str]:
    """Return a line of `health` for each kind of refund that an operator should look at."""
    return [*_long_under_way(now), *_not_looked_up(now), *_reversed(now)]


def _long_under_way(now: datetime) -> list[str]:
    late = Refund.objects.filter(queries.UNDER_WAY, accepted_at__lte=now - LONG)
    oldest = late.order_by("accepted_at").first()
    if oldest is None:
        return []
    line = gettext(
        "refunds under way: %(count)s for more than %(days)s days, the oldest (refund %(id)s, %(receipt)s) accepted "
        "%(at)s; look in the payment provider's dashboard at what it waits for"
    )
    at, values = local(oldest.accepted_at), {"id": oldest.pk, "receipt": oldest.receipt}
    return [line % {"count": late.count(), "days": LONG.days, "at": at, **values}]


def _not_looked_up(now: datetime) -> list[str]:
    late, missing = _due(now - OVERDUE), _missing(now - OVERDUE)
    found = [
        *late.order_by("look_at").values_list("look_at", "pk")[:1],
        *missing.order_by("accepted_at").values_list("accepted_at", "pk")[:1],
    ]
    if not found:
        return []
    due_at, pk = min(found)
    line = gettext(
        "refunds not looked up: %(count)s past their time, the oldest (refund %(id)s) due %(at)s; start a worker on "
        "the queues payments and reconciling, and look for failures of %(task)s; or wait if it is the limit on calls "
        "(REFUNDS_GATEWAY_RATE) that holds them up"
    )
    count = late.count() + missing.count()
    return [line % {"count": count, "id": pk, "at": local(due_at), "task": LOOK_UP_REFUND}]


def _reversed(now: datetime) -> list[str]:
    rows = LookUp.objects.filter(reversed_at__lte=now, refund__status=RefundStatus.FAILED)
    oldest = rows.order_by("reversed_at").first()
    if oldest is None:
        return []
    line = gettext(
        "refunds that failed after they had succeeded: %(count)s, the oldest (refund %(id)s) since %(at)s; the money "
        "is back in the account: open the refund in the admin"
    )
    return [line % {"count": rows.count(), "id": oldest.pk, "at": local(oldest.reversed_at)}]
