"""What is known about looking up a refund, next to the refund's own row."""

from django.db import models
from django.db.models import Q

from ..models import Refund


class LookUp(models.Model):
    """When a refund's outcome is looked up. A refund that is processing without a row here is due as well."""

    refund = models.OneToOneField(Refund, models.CASCADE, primary_key=True, related_name="look_up")
    # The provider is to be asked how the refund ended, not before; moved ahead while it is being asked. None: nothing
    # to ask. A refund that has succeeded gets one where the provider hints that it has failed since.
    look_at = models.DateTimeField(null=True)
    # When its message was sent; None: it has none, and the reconciler sends one.
    sent_at = models.DateTimeField(null=True)
    # When the provider said that a refund which had succeeded has failed; None once an operator has acted.
    reversed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="refund_to_look_up"),
            models.Index(fields=["reversed_at"], condition=Q(reversed_at__isnull=False), name="refund_reversed"),
        )
        verbose_name = "look-up"

    def __str__(self) -> str:
        return f"look-up of refund {self.pk}"
