"""The Django app."""

from django.apps import AppConfig


class RefundsConfig(AppConfig):
    """Connects the checks and the reports of failed tasks."""

    name = "refunds"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Called by Django once all apps are loaded."""
        from . import checks, reports  # noqa: F401  # importing registers them
