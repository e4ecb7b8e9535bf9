"""The Django app of this room."""

from django.apps import AppConfig


class RemediesConfig(AppConfig):
    """Registers what nothing else imports."""

    name = "refunds.remedies"
    label = "refunds_remedies"
    default_auto_field = "django.db.models.BigAutoField"
