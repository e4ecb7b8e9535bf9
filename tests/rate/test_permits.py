"""A task asks for its call, and this room answers with a permit."""

from datetime import timedelta

import pytest

from refunds import signals
from refunds.gateways import Gateway
from refunds.gateways.wallet import Wallet
from refunds.rate import receivers
from refunds.rate.limiter import Throttle
from refunds.rate.pacing import Rate
from refunds.rate.receivers import LONGEST_WAIT

from ..operations.payers import Scripted

NO_WAIT = timedelta(0)


class Busy(Throttle):
    """A limiter whose permit comes after a wait, or never. It records the calls and the wait of each question."""

    def __init__(self, comes: bool) -> None:
        super().__init__(Rate.parse("50/s"), "memory://")
        self.comes = comes
        self.asked: list[object] = []

    def take(self, calls: int = 1, wait: timedelta = NO_WAIT) -> bool:
        self.asked.append((calls, wait))
        return self.comes and wait > NO_WAIT


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Busy:
    """The limiter of the settings."""
    made = Busy(getattr(request, "param", True))
    monkeypatch.setattr(receivers, "limiter", lambda: made)
    return made


def ask(gateway: Gateway, waiting: object = None) -> list[bool]:
    return signals.answers(signals.call_asked, gateway=gateway, calls=2, waiting=waiting)


@pytest.mark.parametrize("busy", [True, False], indirect=True)
def test_task_waits_for_its_permit_once_it_has_said_so(busy: Busy) -> None:
    """For five seconds; a permit for two calls is one permit."""
    assert ask(Scripted(), lambda: busy.asked.append("waits")) == [busy.comes]
    assert busy.asked == [(2, NO_WAIT), "waits", (2, LONGEST_WAIT)]


def test_task_that_cannot_wait_gets_its_permit_at_once_or_not(busy: Busy) -> None:
    """As a look-up, which comes again."""
    assert ask(Scripted()) == [False]
    assert busy.asked == [(2, NO_WAIT)]


def test_provider_takes_as_many_calls_as_the_rate_says(busy: Busy) -> None:
    """The wallet takes any number, and needs no permit."""
    assert signals.share(Scripted(), timedelta(seconds=10)) == 500
    assert (signals.share(Wallet(), timedelta(seconds=10)), ask(Wallet()), busy.asked) == (None, [True], [])


def test_without_a_rate_every_call_has_its_permit() -> None:
    """As in the default project with the wallet."""
    assert (ask(Scripted()), signals.share(Scripted(), timedelta(seconds=10))) == ([True], None)
