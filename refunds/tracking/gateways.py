"""The port to payment providers that accept a refund first and settle it later."""

from typing import Protocol, runtime_checkable

from django.core.exceptions import ImproperlyConfigured

from ..gateways import Answer, Gateway, Order, path_of


@runtime_checkable
class TracksRefunds(Gateway, Protocol):
    """Says what has become of a refund that it has accepted."""

    def look_up(self, order: Order, receipt: str) -> Answer:
        """Ask the provider for the refund with this id, and change nothing there.

        Raises Refused where the refund has failed or was cancelled, also if it had succeeded before. Raises TryAgain
        for everything that is not the provider's word on this refund: an outage, an API key of another account.
        """


def tracker(gateway: Gateway) -> TracksRefunds:
    """Return the gateway if it can look up refunds. Raises ImproperlyConfigured."""
    if isinstance(gateway, TracksRefunds):
        return gateway
    raise ImproperlyConfigured(
        f"The gateway {path_of(gateway)} cannot look up a refund that is under way: give it a method look_up(order, "
        "receipt). If another gateway requested the refund, name that one in REFUNDS_GATEWAY until nothing is under way"
    )
