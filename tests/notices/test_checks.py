"""System checks of the notices."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL

HOST = "returns.example.com"


@pytest.mark.parametrize(
    "public",
    ["http://localhost:8000", f"https://{HOST}", "https://shop.example/returns/", "HTTPS://[2001:db8::1]:8443"],
)
def test_public_address_is_accepted(settings: Settings, public: str) -> None:
    """It has a scheme and a host, with or without a port and a path."""
    settings.REFUNDS_PUBLIC_URL = public
    assert [message for message in run_checks() if str(message.id).startswith(f"{LABEL}.")] == []


@pytest.mark.parametrize(
    "public",
    [
        *(HOST, f"ftp://{HOST}", "https://", "https:///opt-out", f"//{HOST}", f"https://{HOST}\n", f" https://{HOST}"),
        *(f"https://{HOST}?a=b", f"https://{HOST}#top", f"https://pat:pw@{HOST}"),
        *("https://a b", "https://h:port", "https://bü.de"),
    ],
)
def test_malformed_public_address_is_an_error(settings: Settings, public: str) -> None:
    """The message repeats the setting."""
    settings.REFUNDS_PUBLIC_URL = public
    (message,) = [message for message in run_checks() if message.id == f"{LABEL}.E005"]
    assert message.msg == f"REFUNDS_PUBLIC_URL is {public!r}, which is not an http or https address."


def test_links_without_the_page_are_an_error(settings: Settings) -> None:
    """A project without the page learns it from `check`, and not from each mail."""
    settings.REFUNDS_PUBLIC_URL, settings.ROOT_URLCONF = f"https://{HOST}", "django.contrib.auth.urls"
    assert f"{LABEL}.E006" in [message.id for message in run_checks()]


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        ({"used": "It was used.", "cutoff": "Too late.\nSorry.", "late": ""}, []),
        ({"usd": "It was used."}, ["'usd': it is no code of REFUNDS_DECLINE_CODES"]),
        ({"used": "a\u200bb"}, ["'used': it has a character that cannot be seen, U+200B (ZERO WIDTH SPACE)"]),
        ({"used": "x" * 501}, ["'used': it has 501 characters; shorten it to 500"]),
    ],
)
def test_text_that_no_decline_would_mail_is_an_error(
    settings: Settings, texts: dict[str, str], wrong: list[str]
) -> None:
    """Its code is misspelt, or a mail cannot have it. Checks are in English, whatever the project's language."""
    settings.LANGUAGE_CODE = "uk"
    settings.REFUNDS_DECLINE_TEXTS = texts
    found = [message.msg for message in run_checks() if message.id == f"{LABEL}.E015"]
    assert [text.startswith(f"REFUNDS_DECLINE_TEXTS has {why}") for text, why in zip(found, wrong, strict=True)] == [
        True
    ] * len(wrong)
