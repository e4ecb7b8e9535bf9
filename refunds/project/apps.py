"""The Django app of this room."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers what nothing else imports."""

    name = "refunds.project"
    label = "refunds_project"
    default_auto_field = "django.db.models.BigAutoField"
