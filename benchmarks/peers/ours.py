"""This project: what the button does."""

import uuid

from django.utils import timezone

import celery_app  # noqa: F401  # shared tasks belong to this app
from refunds.domain.sweeps import Frozen
from refunds.frozen import freeze
from refunds.operations import button


def press(up_to_id: int) -> None:
    """Approve all that is pending up to this id."""
    frozen = Frozen(up_to_id, freeze().snapshot)
    button.start_approve(key=uuid.uuid4().hex, frozen=frozen, by=None, now=timezone.now())
