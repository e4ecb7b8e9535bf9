"""Configure the Django app of this room."""

from django.apps import AppConfig

from ..apps import LABEL


class StripeConfig(AppConfig):
    """Registers the checks and the short name of the gateway."""

    name = __name__.rpartition(".")[0]
    label = f"{LABEL}_stripe"
    default_auto_field = "django.db.models.BigAutoField"
    # REFUNDS_GATEWAY can have this name in place of the dotted path.
    gateway_names = {"stripe": f"{name}.gateway.Stripe"}  # noqa: RUF012  # an AppConfig's attribute, never changed

    def ready(self) -> None:
        """Override of Django's hook, which it calls once all apps are loaded."""
        from . import checks  # noqa: F401
