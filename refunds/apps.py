"""Configure the Django app and define its label."""

from importlib import import_module
from typing import Final

from django.apps import AppConfig
from django.utils.translation import gettext_lazy

# The only place that names the app: tables, task names, permissions, templates and checks take it from here or from
# `_meta`. `python -m refunds copy` writes another one.
LABEL: Final = "refunds"


class RefundsConfig(AppConfig):
    """Loads the modules that nothing else imports: the tasks and the system checks."""

    name = __name__.rpartition(".")[0]
    label = LABEL
    verbose_name = gettext_lazy("Refunds")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        # Importing registers them. Celery's autodiscovery runs only in workers and beat, and the web process sends too.
        # Every module imports LABEL from here, so an import statement would be a cycle.
        for module in ("checks", "tasks"):
            import_module(f"{self.name}.{module}")
