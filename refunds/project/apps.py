"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class ProjectConfig(AppConfig):
    """Registers the checks, and what a worker does at its start."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_project"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        from . import checks, starting  # noqa: F401
