"""Pause payments: no attempt begins until the pause is lifted. Attempts under way finish."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from ..errors import BadInput
from ..operations import local
from .models import Pause


def current() -> Pause | None:
    """Return the open pause, if payments are paused."""
    return Pause.objects.select_related("paused_by").filter(is_open=True).first()


def pause(*, by: User, reason: str, now: datetime) -> Pause:
    """Pause payments from the commit on. Raises BadInput if they are paused already."""
    with transaction.atomic():
        # Of two presses at once, the second waits for the first at the unique column.
        made, created = Pause.objects.get_or_create(
            is_open=True, defaults={"reason": reason, "paused_at": now, "paused_by": by}
        )
    if not created:
        text = gettext("payments are paused already, by %(user)s since %(at)s")
        raise BadInput(text % {"user": made.paused_by, "at": local(made.paused_at)})
    return made


def lift(*, by: User, now: datetime) -> Pause:
    """Let payments go on. The reconciler sends what has waited. Raises BadInput if payments are not paused."""
    with transaction.atomic():
        found = Pause.objects.select_for_update().filter(is_open=True).first()
        if found is None:
            raise BadInput(gettext("payments are not paused"))
        found.is_open, found.lifted_at, found.lifted_by = None, now, by
        found.save(update_fields=["is_open", "lifted_at", "lifted_by"])
    return found
