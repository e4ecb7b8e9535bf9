"""The Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class WorkerConfig(AppConfig):
    """Registers what nothing else imports."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_worker"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what workers' signals call."""
        from . import connections, failure_mail, starting  # noqa: F401
