"""The Django app of this room."""

from django.apps import AppConfig


class ImportingConfig(AppConfig):
    """Registers what nothing else imports."""

    name = "refunds.importing"
    label = "refunds_importing"
    default_auto_field = "django.db.models.BigAutoField"
