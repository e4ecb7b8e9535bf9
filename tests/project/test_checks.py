"""System checks of the default project's environment, and of a gateway and a limiter of several rooms."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


def ids(*, deploy: bool = False) -> list[str | None]:
    return [message.id for message in run_checks(include_deployment_checks=deploy) if "refunds." in str(message.id)]


def default_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the settings those of the default project, with no key in the environment. Override settings before."""
    monkeypatch.setattr("refunds.project.checks.settings.SETTINGS_MODULE", "refunds.project.settings", raising=False)
    monkeypatch.delenv("DJANGO_SECRET_KEY", raising=False)


def test_deploying_without_a_key_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `check --deploy` warns, and only without a key in the environment."""
    default_project(monkeypatch)
    assert "refunds.W001" in ids(deploy=True)
    assert ids() == []
    monkeypatch.setenv("DJANGO_SECRET_KEY", "long and random")
    assert "refunds.W001" not in ids(deploy=True)


def test_links_signed_by_a_process_of_its_own_key_are_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's key is not the web process's, unless the environment gives both the same one."""
    settings.REFUNDS_PUBLIC_URL = "https://returns.example.com"
    default_project(monkeypatch)
    assert ids() == ["refunds.E007"]
    monkeypatch.setenv("DJANGO_SECRET_KEY", "long and random")
    assert ids() == []


def test_gateway_and_limiter_that_cannot_be_made_are_errors(settings: Settings) -> None:
    """The checks report what is missing before the first refund."""
    settings.REFUNDS_GATEWAY, settings.STRIPE_API_KEY, settings.REFUNDS_GATEWAY_RATE = "stripe", "", "often"
    found = {message.id: message.msg[:30] for message in run_checks()}
    assert found["refunds.E004"] == "REFUNDS_GATEWAY is 'stripe', b"
    assert found["refunds.E013"] == "REFUNDS_GATEWAY_RATE: 'often' "
