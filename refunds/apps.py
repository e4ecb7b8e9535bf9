"""The Django app."""

from django.apps import AppConfig


class RefundsConfig(AppConfig):
    """Loads what nothing else imports: tasks, checks, the reports of failed tasks, and what a worker's start does."""

    name = "refunds"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Called by Django once all apps are loaded."""
        # Importing registers them. Celery's autodiscovery runs in workers and beat alone: the web process, which only
        # sends, must know the tasks by this.
        from . import checks, tasks  # noqa: F401
        from .worker import connections, failure_mail, starting  # noqa: F401
