"""Tell on the page of a return request what happened to it, from its rows, its history and the rooms."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext

from .. import signals
from ..admin.requests import ReturnRequestAdmin
from ..admin.values import in_zone, number, url
from ..admin.words import word
from ..domain.refunds import RefundStatus
from ..models import Refund, ReturnRequest, Sweep

Event = tuple[datetime, str, str]  # instant, text, URL or ""


def timeline(
    admin: ReturnRequestAdmin, request: HttpRequest, row: ReturnRequest, _: dict[str, Any]
) -> dict[str, list[tuple[str, str, str]]]:
    """Return the events of the request that the user can view, the first first."""
    sees = {model: admin.admin_site.get_model_admin(model).has_view_permission(request) for model in (Refund, Sweep)}
    events = [*_of_request(row, sees_sweep=sees[Sweep]), *_of_history(ReturnRequest, row.pk)]
    if sees[Refund] and (refund := Refund.objects.filter(pk=row.pk).first()):
        events += [*_of_refund(refund), *_of_history(Refund, row.pk)]
    for answer in signals.answers(signals.history_requested, row=row, user=request.user, now=timezone.now()):
        events += answer
    # Of one instant, what was written first comes first.
    return {"timeline": [(in_zone(at), text, address) for at, text, address in sorted(events, key=lambda one: one[0])]}


def _of_request(row: ReturnRequest, *, sees_sweep: bool) -> Iterator[Event]:
    yield row.requested_at, gettext("Requested by the customer"), ""
    yield row.received_at, gettext("Received"), ""
    if row.decided_at:
        note = f": {row.decision_note}" if row.decision_note else ""
        address = url(Sweep._meta, "change", row.sweep_id) if sees_sweep and row.sweep else ""
        yield row.decided_at, f"{_decided(row)}{note}", address


def _decided(row: ReturnRequest) -> str:
    """Return what was decided, by whom and in which sweep."""
    if row.decided_by:
        text = gettext("%(status)s by %(user)s in %(sweep)s") if row.sweep else gettext("%(status)s by %(user)s")
    else:
        text = gettext("%(status)s in %(sweep)s") if row.sweep else "%(status)s"
    return text % {"status": capfirst(word(row.status)), "user": row.decided_by, "sweep": row.sweep}


def _of_refund(refund: Refund) -> Iterator[Event]:
    address, status = url(Refund._meta, "change", refund.pk), refund.status
    if refund.first_attempt_at:
        first = gettext("First attempt to pay; attempts: %(count)s")
        again = gettext("First attempt to pay since it was last tried again; attempts: %(count)s")
        text = (again if refund.tried_again else first) % {"count": number(refund.attempts)}
        yield refund.first_attempt_at, text, address
    if refund.accepted_at:
        yield refund.accepted_at, gettext("Accepted by the payment provider, which settles it later"), address
    if refund.settled_at:
        paid = status == RefundStatus.SUCCEEDED
        text = gettext("Paid: receipt %(receipt)s") if paid else gettext("Payment failed: %(failure)s")
        yield refund.settled_at, text % {"receipt": refund.receipt, "failure": refund.failure}, address
    elif status == RefundStatus.PENDING:
        said = gettext("Payment due; the last attempt said: %(failure)s") % {"failure": refund.failure}
        yield refund.due_at, said if refund.failure else gettext("Payment due"), address


def _of_history(model: type[ReturnRequest | Refund], pk: int) -> Iterator[Event]:
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), object_id=str(pk))
    for entry in entries.select_related("user").order_by("pk"):
        yield entry.action_time, f"{entry.user}: {entry.get_change_message()}", ""
