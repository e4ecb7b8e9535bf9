"""Define the task of this room."""

from celery import shared_task
from django.utils import timezone

from ..tasks import TROUBLE, positive
from . import undoing


@shared_task(name=undoing.UNDO_CHUNK, **TROUBLE)
def undo_chunk(*, chunk_id: int, **_newer: object) -> None:
    """Take back the approvals of one chunk."""
    undoing.undo_chunk(positive("chunk_id", chunk_id), timezone.now())
