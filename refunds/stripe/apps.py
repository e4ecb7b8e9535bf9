"""The Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class StripeConfig(AppConfig):
    """Registers what nothing else imports."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_stripe"
    default_auto_field = "django.db.models.BigAutoField"
