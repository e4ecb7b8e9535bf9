"""What every gateway promises, as test classes to inherit, each with a provider to run against."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from refunds.gateways import Gateway, Order, Refused, Settled


class World(Protocol):
    """A gateway and the provider behind it."""

    @property
    def gateway(self) -> Gateway:
        """The gateway."""

    def order(self, paid: int = 1250, **columns: Any) -> Order:
        """An order over a payment of so many minor units that the provider knows, or with these columns."""

    def books(self) -> list[tuple[str, int, str]]:
        """The provider's own records: receipt, minor units and currency of each refund."""

    def forget_keys(self) -> None:
        """A day passes, after which the provider has forgotten every idempotency key."""


def make_order(payment: str, /, **columns: Any) -> Order:
    """An order over 12.50 GBP of the payment, or with these columns."""
    values = {"amount_minor": 1250, "currency": "GBP", "customer": "c-1", "reference": f"return of {payment}"}
    return Order(**{"refund_id": 7, "payment": payment, "asked_before": False, **values, **columns})


def again(order: Order, **columns: Any) -> Order:
    """The same order at a later attempt."""
    return Order(**{**vars(order), "asked_before": True, **columns})


def paid(gateway: Gateway, order: Order, key: str) -> str:
    """The receipt of a refund that is settled at once."""
    answer = gateway.refund(order, key)
    assert isinstance(answer, Settled)
    return answer.receipt


class Contract:
    """The tests of every gateway."""

    def test_refund_is_recorded_under_its_receipt(self, world: World) -> None:
        """The provider's record has the receipt, and the order's amount and currency."""
        receipt = paid(world.gateway, world.order(), "key-1")
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_same_key_pays_once(self, world: World) -> None:
        """Each later request with the key gets the first receipt."""
        order = world.order()
        receipts = [paid(world.gateway, each, "key-1") for each in (order, order, again(order))]
        assert world.books() == [(receipts[0], 1250, "GBP")]
        assert len(set(receipts)) == 1

    @pytest.mark.parametrize("key", ["key-1", "key-1:1"])
    @pytest.mark.parametrize("forgotten", [False, True])
    def test_paid_reference_pays_nothing(self, world: World, key: str, forgotten: bool) -> None:
        """An existing refund is success under any key: a retry on Monday of an attempt that crashed on Friday too."""
        order = world.order(paid=5000)
        receipt = paid(world.gateway, order, "key-1")
        if forgotten:
            world.forget_keys()
        assert paid(world.gateway, again(order), key) == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_two_orders_are_two_refunds(self, world: World) -> None:
        """Two orders with two keys are both paid."""
        receipts = [paid(world.gateway, world.order(), f"key-{number}") for number in range(2)]
        assert len(set(receipts)) == 2
        assert sorted(world.books()) == sorted((receipt, 1250, "GBP") for receipt in receipts)


class ProviderContract(Contract):
    """The tests of gateways to a provider, which knows the payment and can refuse."""

    def test_two_parts_of_one_payment_are_refunded(self, world: World) -> None:
        """Two returns of one purchase are two refunds of one payment."""
        first = world.order(paid=2500)
        second = again(first, reference="another", asked_before=False)
        receipts = [paid(world.gateway, first, "key-1"), paid(world.gateway, second, "key-2")]
        assert sorted(world.books()) == sorted((receipt, 1250, "GBP") for receipt in receipts)
        assert paid(world.gateway, again(second), "key-2") == receipts[1]

    def test_refund_above_the_payment_is_refused(self, world: World) -> None:
        """Nothing is paid, and a second attempt is refused too."""
        order = world.order(paid=1249)
        for _ in range(2):
            with pytest.raises(Refused, match="greater than unrefunded amount"):
                world.gateway.refund(order, "key-1")
        assert world.books() == []

    def test_unknown_payment_is_refused(self, world: World) -> None:
        """The reason is the provider's own message."""
        with pytest.raises(Refused, match="No such charge"):
            world.gateway.refund(world.order(payment="ch_nobody"), "key-1")
        assert world.books() == []

    def test_payment_refunded_by_somebody_else_is_refused(self, world: World) -> None:
        """A refund made in the provider's dashboard leaves nothing to refund, and does not count as ours."""
        order = world.order()
        receipt = paid(world.gateway, again(order, reference="by hand"), "key-0")
        with pytest.raises(Refused, match="already been refunded"):
            world.gateway.refund(order, "key-1")
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_refund_that_we_made_earlier_is_success(self, world: World) -> None:
        """It is found although our rows come from a backup and the key from another day."""
        order = world.order()
        receipt = paid(world.gateway, order, "key-1")
        world.forget_keys()
        assert paid(world.gateway, order, "key-2") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_refund_on_an_earlier_payment_is_success(self, world: World) -> None:
        """A refund paid before an operator corrected the payment is found, and the new payment is not refunded."""
        before = world.order(paid=5000)
        receipt = paid(world.gateway, before, "key-1")
        corrected = again(before, payment=world.order(paid=5000).payment, earlier_payments=(before.payment,))
        assert paid(world.gateway, corrected, "key-1:1") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_corrected_payment_is_refunded_once(self, world: World) -> None:
        """Without a refund of ours on the earlier payments, one of them malformed, the new one is refunded once."""
        order = again(world.order(), earlier_payments=("ch_nobody", world.order().payment))
        receipts = {paid(world.gateway, order, "key-1:1") for _ in range(2)}
        assert world.books() == [(receipts.pop(), 1250, "GBP")]
        assert receipts == set()

    def test_same_key_at_once_pays_once(self, world: World) -> None:
        """Eight callers at the same time make one refund."""
        order = world.order()
        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(lambda _: paid(world.gateway, order, "key-1"), range(8)))
        assert world.books() == [(receipts[0], 1250, "GBP")]
        assert len(set(receipts)) == 1
