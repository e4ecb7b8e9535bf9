"""Store the notice of each refund, and the addresses that have opted out."""

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from ..domain.refunds import RefundStatus
from ..models import Refund


class NoticeStatus(StrEnum):
    """A `pending` notice waits for its mail, a `sent` one is complete, a `suppressed` one says why it has no mail."""

    PENDING = "pending"
    SENT = "sent"
    SUPPRESSED = "suppressed"


class Notice(models.Model):
    """Tracks the mails about one refund. A refund has one row, however many outcomes it has."""

    refund = models.OneToOneField(Refund, models.CASCADE, primary_key=True, related_name="notice")
    status = models.CharField(max_length=10, choices=[(status.value, status.value) for status in NoticeStatus])
    # When to send the next mail, or None for never. The sender moves it ahead as its lease.
    due_at = models.DateTimeField(null=True, blank=True)
    # The outcome that the last mail named, and when that mail was sent.
    notified_of = models.CharField(
        max_length=10,
        choices=[(status.value, status.value) for status in RefundStatus],
        blank=True,
        default="",
        db_default="",
    )
    notified_at = models.DateTimeField(null=True, blank=True)
    # Why nobody sends a mail about the latest outcome.
    reason = models.TextField("reason for suppression", blank=True, default="", db_default="")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(status=NoticeStatus.PENDING, due_at__isnull=False, reason="")
                | (Q(status=NoticeStatus.SENT, due_at=None, notified_at__isnull=False, reason="") & ~Q(notified_of=""))
                | (Q(status=NoticeStatus.SUPPRESSED, due_at=None) & ~Q(reason="")),
                name="notice_status_complete",
            ),
        )
        # The reconciler looks for pending notices twice a minute. They are few among the sent ones.
        indexes = (models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="refund_to_notify"),)

    def __str__(self) -> str:
        return f"notice of refund {self.pk}"


class OptOut(models.Model):
    """The address gets no mail from this project."""

    id = models.BigAutoField(primary_key=True)
    address = models.EmailField(unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(address=Lower("address")), name="opt_out_lower_case"),)
        verbose_name = "opt-out"

    def __str__(self) -> str:
        return self.address
