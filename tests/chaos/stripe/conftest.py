"""The provider, where the machine can run it, and a trivial payer with proxies before it."""

import threading
from collections.abc import Callable, Iterator

import pytest

from . import proxy
from .faults import Fault
from .payer import Payer
from .provider import Provider, missing
from .proxy import Proxy


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider with empty books. Skips where node or the package is missing."""
    if lack := missing():
        pytest.skip(lack)
    with Provider() as running:
        yield running


@pytest.fixture
def payer() -> Iterator[Payer]:
    with Payer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def through(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Proxy]]:
    """Makes a proxy before the payer, which does one thing to every call, or nothing."""
    running: list[Proxy] = []

    def make(fault: Fault | None = None, share: float | None = None) -> Proxy:
        if fault is not None:
            monkeypatch.setattr(proxy, "FAULTS", {"GET": (fault,), "POST": (fault,)})
        made = Proxy(payer.url, share=(fault is not None) if share is None else share, seed=1)
        running.append(made.__enter__())
        return made

    yield make
    for made in running:
        made.__exit__()
        assert made.broken == []
