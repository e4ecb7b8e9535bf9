"""What the admin's request does in each way, up to its answer."""

from celery import group

from refunds.models import ReturnRequest

from . import tasks

# Rows of one message in Celery's own example of chunks.
CHUNK_ROWS = 10


def each_with_orm(up_to_id: int) -> None:
    """A message for each return."""
    for pk in _pending(up_to_id):
        tasks.approve.delay(pk)


def each_with_sql(up_to_id: int) -> None:
    """A message for each return."""
    for pk in _pending(up_to_id):
        tasks.approve_by_sql.delay(pk)


def each_with_kept(up_to_id: int) -> None:
    """A message for each return."""
    for pk in _pending(up_to_id):
        tasks.approve_by_kept.delay(pk)


def each_without_result(up_to_id: int) -> None:
    """A message for each return."""
    for pk in _pending(up_to_id):
        tasks.approve_without_result.delay(pk)


def group_of_all(up_to_id: int) -> None:
    """A message for each return, all of them one group."""
    group(tasks.approve_by_kept.s(pk) for pk in _pending(up_to_id)).apply_async()


def chunks_of_ten(up_to_id: int) -> None:
    """A message for every ten returns."""
    tasks.approve_by_kept.chunks([(pk,) for pk in _pending(up_to_id)], CHUNK_ROWS).apply_async()


def _pending(up_to_id: int) -> list[int]:
    rows = ReturnRequest.objects.filter(status="requested", pk__lte=up_to_id)
    return list(rows.order_by("pk").values_list("pk", flat=True))
