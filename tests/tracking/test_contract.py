"""The tests' provider in memory keeps the contract of providers that settle later."""

import pytest

from ..gateways.provider import Account, InMemory
from .contract import SlowWorld, TracksContract


class TestInMemory(TracksContract):
    """The provider in memory."""

    @pytest.fixture
    def world(self) -> SlowWorld:
        gateway = InMemory()
        return Account(gateway, gateway.provider)
