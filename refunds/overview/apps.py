"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class OverviewConfig(AppConfig):
    """Connects the room to the core's signals."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_overview"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        from . import receivers  # noqa: F401  # importing connects them
