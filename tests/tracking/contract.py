"""What every gateway promises whose provider accepts a refund first and settles it later, as a class to inherit."""

from typing import Protocol

import pytest

from refunds.gateways import Refused, Settled, TryAgain, UnderWay
from refunds.tracking.gateways import TracksRefunds

from ..gateways.contract import World, again, paid


class SlowWorld(World, Protocol):
    """A provider that can settle later, and a gateway that can look up a refund."""

    @property
    def gateway(self) -> TracksRefunds:
        """The gateway."""

    def begin(self, status: str) -> None:
        """Give new refunds this status: `pending`, `requires_action` or `succeeded`."""

    def turn(self, receipt: str, status: str) -> None:
        """Give the refund another status, `failed` and `canceled` included."""


class TracksContract:
    """The tests of gateways to a provider that accepts a refund first and settles it later."""

    @pytest.mark.parametrize("status", ["pending", "requires_action"])
    def test_accepted_refund_is_under_way(self, world: SlowWorld, status: str) -> None:
        """The answer and each look-up have its id and what it waits for, until the bank has decided."""
        world.begin(status)
        order = world.order()
        answer = world.gateway.refund(order, "key-1")
        assert isinstance(answer, UnderWay)
        assert status in answer.reason
        assert world.books() == [(answer.receipt, 1250, "GBP")]
        assert world.gateway.look_up(order, answer.receipt) == answer

    @pytest.mark.parametrize("status", ["pending", "requires_action"])
    def test_earlier_refund_under_way_is_found_as_under_way(self, world: SlowWorld, status: str) -> None:
        """A forgotten key, another key and "already refunded" neither settle it nor request it again."""
        world.begin(status)
        order = world.order()
        answer = world.gateway.refund(order, "key-1")
        assert isinstance(answer, UnderWay)
        world.forget_keys()
        for each, key in ((again(order), "key-1"), (again(order), "key-1:1"), (order, "key-2")):
            assert world.gateway.refund(each, key) == answer
        assert world.books() == [(answer.receipt, 1250, "GBP")]

    def test_refund_under_way_succeeds(self, world: SlowWorld) -> None:
        """The look-up and the search find the success, although the key still returns its first answer."""
        world.begin("pending")
        order = world.order()
        receipt = world.gateway.refund(order, "key-1").receipt
        world.turn(receipt, "succeeded")
        assert world.gateway.look_up(order, receipt) == Settled(receipt)
        assert world.gateway.refund(again(order), "key-1") == Settled(receipt)

    @pytest.mark.parametrize("end", ["failed", "canceled"])
    @pytest.mark.parametrize("begin", ["pending", "succeeded"])
    def test_look_up_of_a_failed_refund_is_a_refusal(self, world: SlowWorld, begin: str, end: str) -> None:
        """Also where it had succeeded. Its key, which repeats its first answer, is refused; the next key pays."""
        world.begin(begin)
        order = world.order(paid=2500)
        receipt = world.gateway.refund(order, "key-1").receipt
        world.turn(receipt, end)
        with pytest.raises(Refused, match=f"{receipt} {end}"):
            world.gateway.look_up(order, receipt)
        with pytest.raises(Refused, match=f"{receipt} {end}"):
            world.gateway.refund(again(order), "key-1")
        world.begin("succeeded")
        second = paid(world.gateway, again(order), "key-1:1")
        assert second != receipt
        assert {row[0] for row in world.books()} == {receipt, second}

    def test_look_up_of_an_unknown_refund_is_no_refusal(self, world: SlowWorld) -> None:
        """An API key of another account gets this answer, which says nothing about the refund."""
        with pytest.raises(TryAgain, match="No such refund"):
            world.gateway.look_up(world.order(), "re_of_another_account")
