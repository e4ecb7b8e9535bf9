"""One return a task: by the ORM, by SQL over Django's connection, and over one that is kept."""

from celery import shared_task
from django.db import connection, transaction
from django.utils import timezone

from refunds.models import Refund, ReturnRequest

from .. import approving


@shared_task
def approve(pk: int) -> None:
    """As a view would do it."""
    now = timezone.now()
    with transaction.atomic():
        request = ReturnRequest.objects.get(pk=pk)
        if request.status != "requested":
            return
        request.status = "approved"
        request.decided_at = now
        request.sweep_id = approving.SWEEP
        request.own_refund_id = request.pk
        request.save()
        Refund.objects.create(
            request=request,
            amount_minor=request.amount_minor,
            currency=request.currency,
            created_at=now,
            due_at=now,
            dispatched_at=now,
        )


@shared_task
def approve_by_sql(pk: int) -> None:
    """One statement; Celery closes Django's connection before and after each task."""
    with connection.cursor() as cursor:
        cursor.execute(approving.STATEMENT, {"pk": pk, "now": timezone.now()})


@shared_task
def approve_by_kept(pk: int) -> None:
    """The same statement over a connection that Celery does not know of."""
    approving.approve(pk)


@shared_task(ignore_result=True)
def approve_without_result(pk: int) -> None:
    """The same, with nothing written to the result backend."""
    approving.approve(pk)
