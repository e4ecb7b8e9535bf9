"""The rows of this room: the notice of each refund, and the addresses that have opted out."""

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from ..domain.refunds import RefundStatus
from ..models import Refund


class NoticeStatus(StrEnum):
    """`pending` is to be sent, `sent` has nothing to send, `suppressed` is not sent and says why."""

    PENDING = "pending"
    SENT = "sent"
    SUPPRESSED = "suppressed"


class Notice(models.Model):
    """The mails to the customer of one refund: one row per refund, whatever number of outcomes it has."""

    refund = models.OneToOneField(Refund, models.CASCADE, primary_key=True, related_name="notice")
    status = models.CharField(max_length=10, choices=[(status.value, status.value) for status in NoticeStatus])
    # Not to be sent before; moved ahead while the mail is being sent. None: nothing is to be sent.
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
    # Why the latest outcome has no mail and will have none.
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
        # Few among those that were sent; the reconciler looks for them twice a minute.
        indexes = (models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="refund_to_notify"),)

    def __str__(self) -> str:
        return f"notice of refund {self.pk}"


class OptOut(models.Model):
    """An address that gets no mail from here."""

    id = models.BigAutoField(primary_key=True)
    address = models.EmailField(unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(address=Lower("address")), name="opt_out_lower_case"),)
        verbose_name = "opt-out"

    def __str__(self) -> str:
        return self.address
