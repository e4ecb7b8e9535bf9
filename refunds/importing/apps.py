"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class ImportingConfig(AppConfig):
    """Gives Django the command `import_returns`."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_importing"
    default_auto_field = "django.db.models.BigAutoField"
