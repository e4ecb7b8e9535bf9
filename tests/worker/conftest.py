"""What the worker's tests share."""

import pytest


@pytest.fixture(autouse=True)
def _admin(admin: str) -> None:
    """One admin, who gets the mails."""
