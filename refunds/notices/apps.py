"""Configure the Django app of this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy

from ..apps import LABEL


class NoticesConfig(AppConfig):
    """Loads the modules that nothing else imports: the receivers, the tasks and the system checks."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_notices"
    verbose_name = gettext_lazy("Notices")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        # The web process sends messages too, and Celery's autodiscovery runs only in workers and beat.
        from . import checks, receivers, tasks  # noqa: F401
