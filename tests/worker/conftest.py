"""What the worker's tests share."""

import django
import pytest
from pytest_django import Settings

ADMIN = "admin@example.com"


@pytest.fixture(autouse=True)
def _admins(settings: Settings) -> None:
    """One admin, who gets the mails. Django 5.2 takes pairs of name and address, 6.0 addresses."""
    settings.ADMINS = [ADMIN] if django.VERSION >= (6, 0) else [(ADMIN, ADMIN)]
