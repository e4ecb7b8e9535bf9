"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class ImportingConfig(AppConfig):
    """Gives Django the command `import_returns`, and registers the system checks."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_importing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        from . import checks  # noqa: F401  # importing registers them
