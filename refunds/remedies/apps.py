"""The Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class RemediesConfig(AppConfig):
    """Connects the room to the core's signals."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_remedies"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import receivers  # noqa: F401  # importing connects them
