"""Receive the core's signals."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.dispatch import receiver
from django.utils.translation import gettext

from .. import signals
from ..operations import local
from . import pausing, undoing
from .models import Pause, UndoneChunk


@receiver(signals.payment_asked, dispatch_uid=f"{__name__}.hold_back")
def hold_back(**_: object) -> Q:
    """Return the condition that payments are not paused, and that nobody is taking the refund back."""
    undone = UndoneChunk.objects.filter(done_at=None, first_id__lte=OuterRef("pk"), last_id__gte=OuterRef("pk"))
    return Q(~Exists(Pause.objects.filter(is_open=True)), ~Exists(undone))


@receiver(signals.reconciling, dispatch_uid=f"{__name__}.reconciling")
def reconciling(now: datetime, patience: timedelta, **_: object) -> dict[str, int]:
    """Send lost messages again, end undos, and decline what was undone too late for the decline at its cutoff."""
    undoing.finish(now)
    return {"undone chunks": undoing.send_again(now, patience), "undone and declined": undoing.decline_late(now)}


@receiver(signals.health_requested, dispatch_uid=f"{__name__}.health")
def health(**_: object) -> list[str]:
    """Report that payments are paused."""
    pause = pausing.current()
    return [] if pause is None else [said_of(pause)]


def said_of(pause: Pause) -> str:
    """Return who paused payments, since when and why."""
    text = gettext("payments are paused since %(at)s by %(user)s: %(reason)s")
    return text % {"at": local(pause.paused_at), "user": pause.paused_by, "reason": pause.reason}
