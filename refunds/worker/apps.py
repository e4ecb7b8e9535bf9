"""The Django app of this room."""

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    """Registers what nothing else imports."""

    name = "refunds.worker"
    label = "refunds_worker"
    default_auto_field = "django.db.models.BigAutoField"
