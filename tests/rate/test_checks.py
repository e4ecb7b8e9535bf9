"""System checks of the limit on calls."""

from django.core.checks import run_checks
from pytest_django import Settings

from refunds.apps import LABEL


def ids(*, deploy: bool = False) -> list[str | None]:
    return [found.id for found in run_checks(include_deployment_checks=deploy) if f"{LABEL}." in str(found.id)]


def test_limit_that_each_process_counts_alone_is_warned_of(settings: Settings) -> None:
    """Only where there is a limit, and only when deploying."""
    settings.REFUNDS_LIMITER_URL = "memory://"
    assert f"{LABEL}.W002" not in ids(deploy=True)
    settings.REFUNDS_GATEWAY_RATE = "50/s"
    assert f"{LABEL}.W002" in ids(deploy=True)
    assert ids() == []
    settings.REFUNDS_LIMITER_URL = "redis://localhost"
    assert f"{LABEL}.W002" not in ids(deploy=True)


def test_rate_that_cannot_be_applied_is_an_error(settings: Settings) -> None:
    """Otherwise each payment would fail on its own."""
    settings.REFUNDS_GATEWAY_RATE = "often"
    assert ids() == [f"{LABEL}.E013"]
    settings.REFUNDS_GATEWAY_RATE = "50/s"
    assert ids() == []
