"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class ClocksConfig(AppConfig):
    """Connects the comparison to the core."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_clocks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers, once all apps are loaded."""
        from .. import signals
        from . import comparing

        signals.clock_asked.connect(comparing.trusted, dispatch_uid=f"{self.label}.trusted")
        signals.health_requested.connect(comparing.health, dispatch_uid=f"{self.label}.health")
