"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class RateConfig(AppConfig):
    """Registers the checks and the receivers."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_rate"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        from . import checks, receivers  # noqa: F401
