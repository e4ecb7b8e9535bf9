"""The Django app."""

from typing import Final

from django.apps import AppConfig

# The only place that names the app: tables, task names, permissions, templates and checks take it from here or from
# `_meta`. `python -m refunds copy` writes another one.
LABEL: Final = "refunds"


class RefundsConfig(AppConfig):
    """Loads what nothing else imports: the tasks and the system checks."""

    name = __name__.rpartition(".")[0]
    label = LABEL
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Called by Django once all apps are loaded."""
        # Importing registers them. Celery's autodiscovery runs in workers and beat alone: the web process, which only
        # sends, must know the tasks by this.
        from . import checks, starting, tasks  # noqa: F401
