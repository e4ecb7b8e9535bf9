"""The provider, where the machine can run it."""

from collections.abc import Iterator

import pytest

from .provider import Provider, missing


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider with empty books. Skips where node or the package is missing."""
    if lack := missing():
        pytest.skip(lack)
    with Provider() as running:
        yield running
