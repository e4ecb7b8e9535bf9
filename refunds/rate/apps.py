"""The Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class RateConfig(AppConfig):
    """Registers what nothing else imports."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_rate"
    default_auto_field = "django.db.models.BigAutoField"
