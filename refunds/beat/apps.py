"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class BeatConfig(AppConfig):
    """Registers the system check and connects the receiver of `health`."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_beat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        # Importing registers and connects them.
        from . import checks, receivers  # noqa: F401
