"""What all tests share: the Celery app loaded, and the rule that CI skips nothing."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

import celery_app  # noqa: F401  # shared tasks belong to this app
from tests import data


@pytest.fixture
def real_file() -> Path:
    """A real shop's returns: an extract, or the whole file on a machine that has it."""
    return data.find()


# Celery prefers what the environment says of these to an app's own settings.
CHOSEN = {name: os.environ.get(name) for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DATABASE_URL")}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """A test that chooses a broker or a database for all that come after it fails, and they do not."""
    yield
    changed = [name for name, value in CHOSEN.items() if os.environ.get(name) != value]
    for name in changed:
        os.environ.pop(name, None)
        if (value := CHOSEN[name]) is not None:
            os.environ[name] = value
    if changed:
        pytest.fail(f"left changed in the environment: {', '.join(changed)}; set them by monkeypatch")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, "pytest.CallInfo[None]", None]:
    """With REFUNDS_NO_SKIP a skipped test is a failed one: CI proves what a laptop may lack."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result, untyped here
    if report.skipped and os.environ.get("REFUNDS_NO_SKIP") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
