"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class WorkerConfig(AppConfig):
    """Registers the system checks and connects Celery's signals."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_worker"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        # Importing registers and connects them.
        from . import checks, connections, failure_mail, language  # noqa: F401
