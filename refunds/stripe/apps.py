"""The Django app of this room."""

from django.apps import AppConfig


class StripeConfig(AppConfig):
    """Registers what nothing else imports."""

    name = "refunds.stripe"
    label = "refunds_stripe"
    default_auto_field = "django.db.models.BigAutoField"
