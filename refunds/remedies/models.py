"""What operators and the payment provider have said of a refund besides its outcome."""

from django.db import models
from django.db.models import Q

from ..models import Refund


class SettledElsewhere(models.Model):
    """A refund that an operator has paid by another way. The refund's receipt is the operator's.

    The row is deleted when the refund fails again.
    """

    refund = models.OneToOneField(Refund, models.CASCADE, primary_key=True, related_name="settled_elsewhere")
    reason = models.TextField()

    class Meta:
        # No page shows these rows alone, so Django's permissions to view, add, change and delete would open nothing.
        default_permissions = ()
        permissions = (
            ("correct_payment", "Can correct the payment of failed refunds"),
            ("settle_refund", "Can settle failed refunds elsewhere"),
        )

    def __str__(self) -> str:
        return f"refund {self.pk}: settled elsewhere"


class SecondReceipt(models.Model):
    """A receipt that came after a refund had another one: the refund was possibly paid twice."""

    id = models.BigAutoField(primary_key=True)
    refund = models.ForeignKey(Refund, models.CASCADE, related_name="second_receipts", db_index=False)  # the constraint
    receipt = models.CharField(max_length=255)
    found_at = models.DateTimeField()
    # When an operator has compared the receipts; None: `health` reports the refund.
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["refund", "receipt"], name="second_receipt_once"),)
        # The health check looks for them each minute, and there are hardly ever any.
        indexes = (
            models.Index(fields=["found_at"], condition=Q(checked_at__isnull=True), name="refund_second_receipt"),
        )

    def __str__(self) -> str:
        return f"refund {self.refund_id}: second receipt {self.receipt}"
