"""What every gateway promises, as tests: a class to inherit, with a world to run in."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from refunds.gateways import Gateway, Order, Refused


class World(Protocol):
    """A gateway and the payer behind it."""

    @property
    def gateway(self) -> Gateway:
        """The gateway."""
        ...

    def order(self, paid: int = 1250, **columns: Any) -> Order:
        """An order over a payment of so many minor units that the payer knows, or as the columns say."""
        ...

    def books(self) -> list[tuple[str, int, str]]:
        """The payer's own books: receipt, minor units and currency of each refund."""
        ...

    def forget_keys(self) -> None:
        """A day passes: the payer knows no idempotency key any more."""
        ...


def again(order: Order, **columns: Any) -> Order:
    """The same order at a later attempt."""
    return Order(**{**vars(order), "asked_before": True, **columns})


class Contract:
    """For every gateway."""

    def test_a_refund_is_in_the_payers_books_under_its_receipt(self, world: World) -> None:
        """Amount and currency are the order's, and the receipt names them."""
        receipt = world.gateway.refund(world.order(), "key-1")
        assert receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_the_same_key_pays_once(self, world: World) -> None:
        """However often it is asked, the receipt is the first one."""
        order = world.order()
        receipts = [world.gateway.refund(each, "key-1") for each in (order, order, again(order))]
        assert world.books() == [(receipts[0], 1250, "GBP")]
        assert len(set(receipts)) == 1

    def test_a_key_that_the_payer_has_forgotten_pays_once(self, world: World) -> None:
        """A crash on Friday that is found on Monday pays nothing twice."""
        order = world.order(paid=5000)
        receipt = world.gateway.refund(order, "key-1")
        world.forget_keys()
        assert world.gateway.refund(again(order), "key-1") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_another_key_for_a_paid_reference_pays_once(self, world: World) -> None:
        """A refund of ours that is there already is success, under whatever key."""
        order = world.order(paid=5000)
        receipt = world.gateway.refund(order, "key-1")
        assert world.gateway.refund(again(order), "key-1:1") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_two_refunds_are_two(self, world: World) -> None:
        """Other orders with other keys are paid beside each other."""
        receipts = [world.gateway.refund(world.order(), f"key-{number}") for number in range(2)]
        assert len(set(receipts)) == 2
        assert sorted(world.books()) == sorted((receipt, 1250, "GBP") for receipt in receipts)


class ProviderContract(Contract):
    """For gateways to a provider, which knows the payment and may say no."""

    def test_parts_of_one_payment_are_refunded_beside_each_other(self, world: World) -> None:
        """Two returns of one purchase are two refunds of one payment."""
        first = world.order(paid=2500)
        second = again(first, reference="another", asked_before=False)
        receipts = [world.gateway.refund(first, "key-1"), world.gateway.refund(second, "key-2")]
        assert sorted(world.books()) == sorted((receipt, 1250, "GBP") for receipt in receipts)
        assert world.gateway.refund(again(second), "key-2") == receipts[1]

    def test_more_than_was_paid_is_refused(self, world: World) -> None:
        """Nothing is paid, and it is refused again."""
        order = world.order(paid=1249)
        for _ in range(2):
            with pytest.raises(Refused, match="greater than unrefunded amount"):
                world.gateway.refund(order, "key-1")
        assert world.books() == []

    def test_a_payment_that_does_not_exist_is_refused(self, world: World) -> None:
        """The payer's own words say what is missing."""
        with pytest.raises(Refused, match="No such charge"):
            world.gateway.refund(world.order(payment="ch_nobody"), "key-1")
        assert world.books() == []

    def test_what_somebody_else_has_refunded_is_refused(self, world: World) -> None:
        """Refunded in the payer's dashboard, the payment has nothing left, and that refund is not taken for ours."""
        order = world.order()
        receipt = world.gateway.refund(again(order, reference="by hand"), "key-0")
        with pytest.raises(Refused, match="already been refunded"):
            world.gateway.refund(order, "key-1")
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_already_refunded_by_us_is_success(self, world: World) -> None:
        """Even where nobody here remembers having asked: rows from a backup, a key of another day."""
        order = world.order()
        receipt = world.gateway.refund(order, "key-1")
        world.forget_keys()
        assert world.gateway.refund(order, "key-2") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_a_refund_on_an_earlier_payment_is_success(self, world: World) -> None:
        """Paid without an answer before an operator corrected the payment: found, and not paid on the new one."""
        before = world.order(paid=5000)
        receipt = world.gateway.refund(before, "key-1")
        corrected = again(before, payment=world.order(paid=5000).payment, earlier_payments=(before.payment,))
        assert world.gateway.refund(corrected, "key-1:0:1") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_a_corrected_payment_is_paid_once(self, world: World) -> None:
        """Nothing of ours on the earlier payments, of which one is no payment: the new one is refunded, once."""
        order = again(world.order(), earlier_payments=("ch_nobody", world.order().payment))
        receipts = {world.gateway.refund(order, "key-1:0:1") for _ in range(2)}
        assert world.books() == [(receipts.pop(), 1250, "GBP")]
        assert receipts == set()

    def test_the_same_key_at_once_pays_once(self, world: World) -> None:
        """Eight callers at the same time make one refund."""
        order = world.order()
        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(lambda _: world.gateway.refund(order, "key-1"), range(8)))
        assert world.books() == [(receipts[0], 1250, "GBP")]
        assert len(set(receipts)) == 1
