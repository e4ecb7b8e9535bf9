"""What all tests share: the Celery app loaded, hypothesis profiles, and the rule that CI skips nothing."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone
from hypothesis import HealthCheck, settings
from kombu.transport import memory

import celery_app  # noqa: F401  # shared tasks belong to this app

# A shared machine is slow at times: no time of an example and of its making is a verdict.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("default"), max_examples=200)
settings.load_profile("thorough" if os.environ.get("REFUNDS_THOROUGH") else "default")


@pytest.fixture
def real_file() -> Path:
    """The first half of a real shop's returns: next to the checkout, or in the folder that REFUNDS_TEST_DATA names."""
    folder = Path(os.environ.get("REFUNDS_TEST_DATA", Path(__file__).parent.parent / "shared" / "data"))
    file = folder / "online_retail_returns_h1.csv"
    if not file.is_file():
        pytest.skip(f"{file.name} is neither in ../shared/data nor where REFUNDS_TEST_DATA says")
    return file


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """No test sees what another put into the cache."""
    cache.clear()


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock is the process's, whatever time a test lives in. Production has no such switch."""
    monkeypatch.setattr("refunds.queries.database_clock", timezone.now)


@pytest.fixture(autouse=True)
def _empty_broker() -> None:
    """No message of another test waits in the memory transport: the reconciler counts what waits."""
    for queue in memory.Channel.queues.values():
        queue.queue.clear()


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
