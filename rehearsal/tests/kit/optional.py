"""Tests that want what is not installed skip, and say what: an extra of the kit, or a library that it works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import MissingExtraError, extras

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

# What a module of tests imports and the kit does not require.
OPTIONAL = {"django", "fakeredis", "freezegun", "hypothesis", "libcst", "psycopg", "redbeat", "redis", "sqlalchemy"}

# For a test that reaches for Redis without a cluster on it, which would say so itself: `pytest_runtest_call`.
needs_redis = pytest.mark.skipif(bool(extras.missing("redis")), reason="the extra redis is not installed")


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip a test that asks for an extra which is not installed; the reason names it."""
    try:
        yield
    except MissingExtraError as error:
        pytest.skip(str(error))
