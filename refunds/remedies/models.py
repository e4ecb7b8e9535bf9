"""Store refunds that were settled elsewhere, and second receipts."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from ..models import Refund


class SettledElsewhere(models.Model):
    """An operator has paid the refund in another way. The refund's receipt is the one that the operator entered.

    The row is deleted when the refund fails again.
    """

    refund = models.OneToOneField(Refund, models.CASCADE, primary_key=True, related_name="settled_elsewhere")
    reason = models.TextField()

    class Meta:
        # These rows have no page of their own, so Django's permissions to view, add, change and delete have no use.
        default_permissions = ()
        permissions = (
            ("correct_payment", "Can correct the payment of failed refunds"),
            ("settle_refund", "Can settle failed refunds elsewhere"),
        )
        verbose_name = gettext_lazy("settled elsewhere")

    def __str__(self) -> str:
        return f"refund {self.pk}: settled elsewhere"


class SecondReceipt(models.Model):
    """A second receipt came for a refund: it was possibly paid twice."""

    id = models.BigAutoField(primary_key=True)
    refund = models.ForeignKey(Refund, models.CASCADE, related_name="second_receipts", db_index=False)  # the constraint
    receipt = models.CharField(max_length=255)
    found_at = models.DateTimeField()
    # When an operator has compared the receipts. While it is None, `health` reports the refund.
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = gettext_lazy("second receipt")
        constraints = (models.UniqueConstraint(fields=["refund", "receipt"], name="second_receipt_once"),)
        # `health` looks for unchecked receipts each minute, and hardly ever finds one.
        indexes = (
            models.Index(fields=["found_at"], condition=Q(checked_at__isnull=True), name="refund_second_receipt"),
        )

    def __str__(self) -> str:
        return f"refund {self.refund_id}: second receipt {self.receipt}"
