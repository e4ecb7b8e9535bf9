"""Store which sweeps were undone, and when payments were paused."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from ..models import USER, Chunk, Sweep


class Undo(models.Model):
    """An operator takes back the approvals of a sweep whose payments have not been attempted."""

    sweep = models.OneToOneField(Sweep, models.PROTECT, primary_key=True, related_name="undo")
    pressed_at = models.DateTimeField()
    pressed_by = models.ForeignKey(USER, models.PROTECT, related_name="+")
    reason = models.TextField()
    # When all its chunks were taken back.
    done_at = models.DateTimeField(null=True)
    # When what the decline at its cutoff had missed was declined.
    declined_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["sweep"], condition=Q(declined_at=None), name="undo_to_decline"),)
        permissions = (
            ("cancel_sweep", "Can cancel a sweep"),
            ("undo_sweep", "Can undo a sweep before its payments begin"),
        )
        verbose_name, verbose_name_plural = gettext_lazy("undo"), gettext_lazy("undos")

    def __str__(self) -> str:
        return gettext("undo of sweep %(id)s") % {"id": self.pk}


class UndoneChunk(models.Model):
    """A chunk whose approvals are taken back in one transaction. Until then no payment of its range begins."""

    chunk = models.OneToOneField(Chunk, models.PROTECT, primary_key=True, related_name="undone")
    undo = models.ForeignKey(Undo, models.CASCADE, related_name="chunks")
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    # What was taken back: lists of currency, count and sum in minor units.
    totals = models.JSONField(default=list)
    sent_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        # Each payment asks for the open ones.
        indexes = (models.Index(fields=["first_id", "last_id"], condition=Q(done_at=None), name="undone_chunk_open"),)

    def __str__(self) -> str:
        return f"undo of chunk {self.pk}"


class Pause(models.Model):
    """No payment begins between `paused_at` and `lifted_at`."""

    id = models.BigAutoField(gettext_lazy("id"), primary_key=True)
    reason = models.TextField(gettext_lazy("reason"))
    paused_at = models.DateTimeField()
    paused_by = models.ForeignKey(USER, models.PROTECT, related_name="+", verbose_name=gettext_lazy("paused by"))
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        USER, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=gettext_lazy("lifted by")
    )
    # True while it is open, and None afterwards: the column is unique, so that only one is open.
    is_open = models.BooleanField(null=True, default=True, unique=True, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(is_open__isnull=False, is_open=True, lifted_at=None, lifted_by=None)
                | Q(is_open=None, lifted_at__isnull=False, lifted_by__isnull=False),
                name="pause_open_or_lifted",
            ),
        )
        permissions = (("pause_payments", "Can pause payments, and let them go on"),)
        verbose_name, verbose_name_plural = gettext_lazy("pause of payments"), gettext_lazy("pauses of payments")

    def __str__(self) -> str:
        return gettext("pause %(id)s") % {"id": self.pk}
