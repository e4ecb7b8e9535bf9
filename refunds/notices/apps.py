"""The Django app of this room."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Registers what nothing else imports."""

    name = "refunds.notices"
    label = "refunds_notices"
    default_auto_field = "django.db.models.BigAutoField"
