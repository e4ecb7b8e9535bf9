"""The Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class NoticesConfig(AppConfig):
    """Registers what nothing else imports."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_notices"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Called by Django once all apps are loaded."""
        from . import receivers  # noqa: F401
