"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class OverviewConfig(AppConfig):
    """Names the room."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_overview"
