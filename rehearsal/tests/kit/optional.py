"""Tests that want what is not installed skip, and say what: an extra of the kit, or a library that it works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import MissingExtraError

from .shop import ON_REDIS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

# What a module of tests imports and the kit does not require.
OPTIONAL = {"django", "fakeredis", "freezegun", "hypothesis", "libcst", "psycopg", "redbeat", "redis", "sqlalchemy"}


# Tests that rely on the shop's app being on Redis without asking for it.
ABOUT_REDIS = {
    "test_a_broker_is_refused_and_no_advice_leads_to_it",
    "test_a_message_expires_in_its_queue",
    "test_a_message_expires_when_celery_says",
    "test_a_redelivered_run_is_not_once",
    "test_a_worker_that_waits_takes_what_comes_first",
    "test_canvas_runs",
    "test_every_app_is_as_before_afterwards",
    "test_expiry_says_where",
    "test_no_thread_reaches_a_broker",
    "test_no_way_of_another_app_to_its_broker_is_open",
    "test_two_hash_seeds_one_timeline",
    "test_without_a_highest_priority_all_are_equal",
}


class Module(pytest.Module):
    """A module of tests that skips where one of OPTIONAL is not installed."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        try:
            return super().collect()
        except self.CollectError as error:
            lacks: Any = getattr(error.__cause__, "name", None)
            if isinstance(error.__cause__, MissingExtraError):
                pytest.skip(str(error.__cause__), allow_module_level=True)
            if not isinstance(error.__cause__, ModuleNotFoundError) or lacks.partition(".")[0] not in OPTIONAL:
                raise
            pytest.skip(f"{lacks} is not installed", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    """Collect each module as `Module` does."""
    found: pytest.Module = Module.from_parent(parent, path=module_path)
    return found


def skip_what_is_about_redis(items: list[pytest.Item]) -> None:
    """Skip, where the shop's app is not on Redis, the tests of ABOUT_REDIS."""
    for item in items:
        if not ON_REDIS and item.name.partition("[")[0] in ABOUT_REDIS:
            item.add_marker(pytest.mark.skip(reason="the shop's app is on Redis only with the extra redis"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip a test that asks for an extra which is not installed; the reason names it."""
    try:
        yield
    except MissingExtraError as error:
        pytest.skip(str(error))
