"""The Django app of this room."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """Registers what nothing else imports."""

    name = "refunds.tracking"
    label = "refunds_tracking"
    default_auto_field = "django.db.models.BigAutoField"
