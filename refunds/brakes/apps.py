"""Configure the Django app of this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy

from ..apps import LABEL


class BrakesConfig(AppConfig):
    """Registers the task, the receivers and the checks."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_brakes"
    verbose_name = gettext_lazy("Brakes")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        from . import checks, receivers, tasks  # noqa: F401  # importing registers them
