"""System checks of the notices."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL


@pytest.mark.parametrize(
    "public",
    [
        "http://localhost:8000",
        "https://returns.example.com",
        "https://shop.example/returns/",
        "HTTPS://[2001:db8::1]:8443",
    ],
)
def test_public_address_is_accepted(settings: Settings, public: str) -> None:
    """Scheme and host, with or without a port and a path."""
    settings.REFUNDS_PUBLIC_URL = public
    assert [message for message in run_checks() if str(message.id).startswith(f"{LABEL}.")] == []


@pytest.mark.parametrize(
    "public",
    [
        *("returns.example.com", "ftp://returns.example.com", "https://", "https:///opt-out", "//returns.example.com"),
        *("https://returns.example.com?a=b", "https://returns.example.com#top", "https://pat:pw@returns.example.com"),
        *(
            "https://returns.example.com\n",
            " https://returns.example.com",
            "https://a b",
            "https://h:port",
            "https://bü.de",
        ),
    ],
)
def test_malformed_public_address_is_an_error(settings: Settings, public: str) -> None:
    """The message repeats the setting."""
    settings.REFUNDS_PUBLIC_URL = public
    (message,) = [message for message in run_checks() if message.id == f"{LABEL}.E005"]
    assert message.msg == f"REFUNDS_PUBLIC_URL is {public!r}, which is not an http or https address."


def test_links_without_the_page_are_an_error(settings: Settings) -> None:
    """A project without the page learns it from `check`, and not from each mail."""
    settings.REFUNDS_PUBLIC_URL, settings.ROOT_URLCONF = "https://returns.example.com", "django.contrib.auth.urls"
    assert f"{LABEL}.E006" in [message.id for message in run_checks()]
