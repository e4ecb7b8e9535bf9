"""Store the notice of each return request, and the addresses that have opted out."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Lower
from django.utils.translation import gettext, gettext_lazy

from ..domain.refunds import RefundStatus
from ..domain.returns import Status
from ..models import Refund, ReturnRequest

# What a mail can be about: how a refund ended, or that the request was declined.
OUTCOMES: Final = [*(status.value for status in RefundStatus), Status.DECLINED.value]
# When the outcome was committed that the next mail is about; None for a refund that is tried again.
OUTCOME_AT: Final = Case(When(sentence="", then=F("request__refund__settled_at")), default=F("request__decided_at"))


class NoticeStatus(StrEnum):
    """A `pending` notice waits for its mail, a `sent` one is complete, a `suppressed` one says why it has no mail."""

    PENDING = "pending"
    SENT = "sent"
    SUPPRESSED = "suppressed"


class Notice(models.Model):
    """Tracks the mails about one return request: about its decline, or about each outcome of its refund."""

    request = models.OneToOneField(
        ReturnRequest, models.CASCADE, primary_key=True, related_name="notice", verbose_name=gettext_lazy("request")
    )
    status = models.CharField(
        gettext_lazy("status"), max_length=10, choices=[(status.value, status.value) for status in NoticeStatus]
    )
    # When to send the next mail, or None for never. The sender moves it ahead as its lease.
    due_at = models.DateTimeField(null=True, blank=True)
    # The outcome that the last mail named, and when that mail was sent.
    notified_of = models.CharField(
        max_length=10, choices=[(value, value) for value in OUTCOMES], blank=True, default="", db_default=""
    )
    notified_at = models.DateTimeField(null=True, blank=True)
    # Why nobody sends a mail about the latest outcome.
    reason = models.TextField(gettext_lazy("reason for suppression"), blank=True, default="", db_default="")
    # What the mail about a decline tells the customer. Without it, the mails are about the refund. Stored with the
    # decision: a second mail about it is the same, whatever the setting says by then.
    sentence = models.TextField(gettext_lazy("sentence to the customer"), blank=True, default="", db_default="")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(status=NoticeStatus.PENDING, due_at__isnull=False, reason="")
                | (Q(status=NoticeStatus.SENT, due_at=None, notified_at__isnull=False, reason="") & ~Q(notified_of=""))
                | (Q(status=NoticeStatus.SUPPRESSED, due_at=None) & ~Q(reason="")),
                name="notice_status_complete",
            ),
            models.CheckConstraint(
                condition=Q(notified_of="")
                | (Q(notified_of=Status.DECLINED) & ~Q(sentence=""))
                | (~Q(notified_of=Status.DECLINED) & Q(sentence="")),
                name="notice_sentence_of_decline",
            ),
        )
        # The reconciler looks for pending notices twice a minute. They are few among the sent ones.
        indexes = (models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="refund_to_notify"),)
        verbose_name = gettext_lazy("notice")
        verbose_name_plural = gettext_lazy("notices")

    def __str__(self) -> str:
        return gettext("notice of return request %(id)s") % {"id": self.pk}

    @property
    def about(self) -> ReturnRequest | Refund:
        """What the mails are about: the declined request, or the refund."""
        return self.request if self.sentence else self.request.refund

    @property
    def outcome_at(self) -> datetime | None:
        """When the outcome was committed that the next mail is about; None for a refund that is tried again."""
        return self.request.decided_at if self.sentence else self.request.refund.settled_at


class OptOut(models.Model):
    """The address gets no mail from this project."""

    id = models.BigAutoField(primary_key=True)
    address = models.EmailField(gettext_lazy("address"), unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(address=Lower("address")), name="opt_out_lower_case"),)
        verbose_name = gettext_lazy("opt-out")
        verbose_name_plural = gettext_lazy("opt-outs")

    def __str__(self) -> str:
        return self.address
