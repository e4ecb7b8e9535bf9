"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class BrakesConfig(AppConfig):
    """Names the room."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_brakes"
    default_auto_field = "django.db.models.BigAutoField"
