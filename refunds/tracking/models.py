"""Store when to look up each refund, in a row next to the refund's own."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from ..models import Refund


class LookUp(models.Model):
    """Schedules the look-up of a refund. A processing refund without such a row is due as well."""

    refund = models.OneToOneField(Refund, models.CASCADE, primary_key=True, related_name="look_up")
    # When to ask the provider for the outcome, or None for never. A running look-up moves it ahead as its lease. A
    # refund that has succeeded gets it if the provider hints that the refund has failed since.
    look_at = models.DateTimeField(null=True)
    # When the look-up's message was sent. If it is None, the reconciler sends one.
    sent_at = models.DateTimeField(null=True)
    # When the provider said that a refund which had succeeded has failed; None once an operator has acted.
    reversed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="refund_to_look_up"),
            models.Index(fields=["reversed_at"], condition=Q(reversed_at__isnull=False), name="refund_reversed"),
        )
        verbose_name = gettext_lazy("look-up")

    def __str__(self) -> str:
        return gettext("look-up of refund %(id)s") % {"id": self.pk}
