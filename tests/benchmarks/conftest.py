"""What a benchmark prepares in its own process, done in this one."""

import os
from collections.abc import Iterator
from unittest import mock

import pytest


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """The environment is as before after each test."""
    with mock.patch.dict(os.environ):
        yield
