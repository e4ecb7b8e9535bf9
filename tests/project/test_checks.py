"""System checks of the default project's environment, and of a gateway and a limiter of several rooms."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


def ids(*, deploy: bool = False) -> list[str | None]:
    return [message.id for message in run_checks(include_deployment_checks=deploy) if "refunds." in str(message.id)]


@pytest.mark.parametrize(("url", "errors"), [("", []), ("https://returns.example.com", ["refunds.E007"])])
def test_project_without_a_key_is_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str, errors: list[str]
) -> None:
    """`check --deploy` warns of a missing key. Links are an error without it: each process signs with its own key."""
    settings.REFUNDS_PUBLIC_URL = url
    monkeypatch.setattr("refunds.project.checks.settings.SETTINGS_MODULE", "refunds.project.settings", raising=False)
    monkeypatch.delenv("DJANGO_SECRET_KEY", raising=False)
    assert ids() == errors
    assert "refunds.W001" in ids(deploy=True)
    monkeypatch.setenv("DJANGO_SECRET_KEY", "long and random")
    assert ids() == []
    assert "refunds.W001" not in ids(deploy=True)


def test_gateway_and_limiter_that_cannot_be_made_are_errors(settings: Settings) -> None:
    """The checks report what is missing before the first refund."""
    settings.REFUNDS_GATEWAY, settings.STRIPE_API_KEY, settings.REFUNDS_GATEWAY_RATE = "stripe", "", "often"
    found = {message.id: message.msg[:30] for message in run_checks()}
    assert found["refunds.E004"] == "REFUNDS_GATEWAY is 'stripe', b"
    assert found["refunds.E013"] == "REFUNDS_GATEWAY_RATE: 'often' "
