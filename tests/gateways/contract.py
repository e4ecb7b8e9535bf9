"""What every gateway promises, as tests: a class to inherit, with a world to run in."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from refunds.gateways import Gateway, Order, Refused, Settled, TracksRefunds, TryAgain, UnderWay


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


def paid(gateway: Gateway, order: Order, key: str) -> str:
    """The receipt of a refund that is settled at once."""
    answer = gateway.refund(order, key)
    assert isinstance(answer, Settled)
    return answer.receipt


class Contract:
    """For every gateway."""

    def test_a_refund_is_in_the_payers_books_under_its_receipt(self, world: World) -> None:
        """Amount and currency are the order's, and the receipt names them."""
        receipt = paid(world.gateway, world.order(), "key-1")
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_the_same_key_pays_once(self, world: World) -> None:
        """However often it is asked, the receipt is the first one."""
        order = world.order()
        receipts = [paid(world.gateway, each, "key-1") for each in (order, order, again(order))]
        assert world.books() == [(receipts[0], 1250, "GBP")]
        assert len(set(receipts)) == 1

    def test_a_key_that_the_payer_has_forgotten_pays_once(self, world: World) -> None:
        """A crash on Friday that is found on Monday pays nothing twice."""
        order = world.order(paid=5000)
        receipt = paid(world.gateway, order, "key-1")
        world.forget_keys()
        assert paid(world.gateway, again(order), "key-1") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_another_key_for_a_paid_reference_pays_once(self, world: World) -> None:
        """A refund of ours that is there already is success, under whatever key."""
        order = world.order(paid=5000)
        receipt = paid(world.gateway, order, "key-1")
        assert paid(world.gateway, again(order), "key-1:1") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_two_refunds_are_two(self, world: World) -> None:
        """Other orders with other keys are paid beside each other."""
        receipts = [paid(world.gateway, world.order(), f"key-{number}") for number in range(2)]
        assert len(set(receipts)) == 2
        assert sorted(world.books()) == sorted((receipt, 1250, "GBP") for receipt in receipts)


class SlowWorld(World, Protocol):
    """A payer that can take its time, and a gateway that can ask it what has become of a refund."""

    @property
    def gateway(self) -> TracksRefunds:
        """The gateway."""
        ...

    def begin(self, status: str) -> None:
        """From now on a new refund has this status: `pending`, `requires_action` or `succeeded`."""
        ...

    def turn(self, receipt: str, status: str) -> None:
        """The refund has another status from now on: also `failed` or `canceled`."""
        ...


class ProviderContract(Contract):
    """For gateways to a provider, which knows the payment and may say no."""

    def test_parts_of_one_payment_are_refunded_beside_each_other(self, world: World) -> None:
        """Two returns of one purchase are two refunds of one payment."""
        first = world.order(paid=2500)
        second = again(first, reference="another", asked_before=False)
        receipts = [paid(world.gateway, first, "key-1"), paid(world.gateway, second, "key-2")]
        assert sorted(world.books()) == sorted((receipt, 1250, "GBP") for receipt in receipts)
        assert paid(world.gateway, again(second), "key-2") == receipts[1]

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
        receipt = paid(world.gateway, again(order, reference="by hand"), "key-0")
        with pytest.raises(Refused, match="already been refunded"):
            world.gateway.refund(order, "key-1")
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_already_refunded_by_us_is_success(self, world: World) -> None:
        """Even where nobody here remembers having asked: rows from a backup, a key of another day."""
        order = world.order()
        receipt = paid(world.gateway, order, "key-1")
        world.forget_keys()
        assert paid(world.gateway, order, "key-2") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_a_refund_on_an_earlier_payment_is_success(self, world: World) -> None:
        """Paid without an answer before an operator corrected the payment: found, and not paid on the new one."""
        before = world.order(paid=5000)
        receipt = paid(world.gateway, before, "key-1")
        corrected = again(before, payment=world.order(paid=5000).payment, earlier_payments=(before.payment,))
        assert paid(world.gateway, corrected, "key-1:1") == receipt
        assert world.books() == [(receipt, 1250, "GBP")]

    def test_a_corrected_payment_is_paid_once(self, world: World) -> None:
        """Nothing of ours on the earlier payments, of which one is no payment: the new one is refunded, once."""
        order = again(world.order(), earlier_payments=("ch_nobody", world.order().payment))
        receipts = {paid(world.gateway, order, "key-1:1") for _ in range(2)}
        assert world.books() == [(receipts.pop(), 1250, "GBP")]
        assert receipts == set()

    def test_the_same_key_at_once_pays_once(self, world: World) -> None:
        """Eight callers at the same time make one refund."""
        order = world.order()
        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(lambda _: paid(world.gateway, order, "key-1"), range(8)))
        assert world.books() == [(receipts[0], 1250, "GBP")]
        assert len(set(receipts)) == 1


class TracksContract(ProviderContract):
    """For gateways to a provider that accepts a refund first and says later how it ended."""

    @pytest.mark.parametrize("status", ["pending", "requires_action"])
    def test_an_accepted_refund_is_under_way_and_not_settled(self, world: SlowWorld, status: str) -> None:
        """It has its id and says what it waits for; the look-up says the same until the bank has decided."""
        world.begin(status)
        order = world.order()
        answer = world.gateway.refund(order, "key-1")
        assert isinstance(answer, UnderWay)
        assert status in answer.reason
        assert world.books() == [(answer.receipt, 1250, "GBP")]
        assert world.gateway.look_up(order, answer.receipt) == answer

    @pytest.mark.parametrize("status", ["pending", "requires_action"])
    def test_an_earlier_refund_that_is_under_way_is_found_as_that(self, world: SlowWorld, status: str) -> None:
        """Neither a forgotten key, nor another one, nor "already refunded" makes it settled, or requests it again."""
        world.begin(status)
        order = world.order()
        answer = world.gateway.refund(order, "key-1")
        assert isinstance(answer, UnderWay)
        world.forget_keys()
        for each, key in ((again(order), "key-1"), (again(order), "key-1:1"), (order, "key-2")):
            assert world.gateway.refund(each, key) == answer
        assert world.books() == [(answer.receipt, 1250, "GBP")]

    def test_a_refund_under_way_succeeds(self, world: SlowWorld) -> None:
        """The look-up and the search say so, although the key still has its first answer."""
        world.begin("pending")
        order = world.order()
        receipt = world.gateway.refund(order, "key-1").receipt
        world.turn(receipt, "succeeded")
        assert world.gateway.look_up(order, receipt) == Settled(receipt)
        assert world.gateway.refund(again(order), "key-1") == Settled(receipt)

    @pytest.mark.parametrize("end", ["failed", "canceled"])
    @pytest.mark.parametrize("begin", ["pending", "succeeded"])
    def test_a_refund_that_fails_later_is_refused_by_the_look_up(self, world: SlowWorld, begin: str, end: str) -> None:
        """Also one that had succeeded; the next key pays."""
        world.begin(begin)
        order = world.order(paid=2500)
        receipt = world.gateway.refund(order, "key-1").receipt
        world.turn(receipt, end)
        with pytest.raises(Refused, match=f"{receipt} {end}"):
            world.gateway.look_up(order, receipt)
        world.begin("succeeded")
        second = paid(world.gateway, again(order), "key-1:1")
        assert second != receipt
        assert {row[0] for row in world.books()} == {receipt, second}

    def test_a_refund_that_the_payer_does_not_know_is_not_refused(self, world: SlowWorld) -> None:
        """It is what an API key of another account is answered: nothing is known about the refund."""
        with pytest.raises(TryAgain, match="No such refund"):
            world.gateway.look_up(world.order(), "re_of_another_account")

    def test_a_key_is_not_believed_that_remembers_a_success_which_has_failed_since(self, world: SlowWorld) -> None:
        """The answer was lost, and the refund failed before the next attempt: the key still says that it succeeded."""
        order = world.order()
        receipt = world.gateway.refund(order, "key-1").receipt
        world.turn(receipt, "failed")
        with pytest.raises(Refused, match=f"{receipt} failed"):
            world.gateway.refund(again(order), "key-1")
        assert [row[0] for row in world.books()] == [receipt]
