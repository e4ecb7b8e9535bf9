"""What the plugin does around each test. It registers this module where pytest is new enough."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


def pytest_runtest_setup() -> None:
    """Forget the cluster of the test before."""
    cluster = _cluster_module()
    if cluster is not None:
        cluster.last[:] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the timeline of the test's last cluster to the report of a failure."""
    report = yield
    cluster = _cluster_module()
    if report.failed and cluster is not None and cluster.last:
        report.sections.append(("virtual time", str(cluster.last[0].timeline)))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """Stop a cluster that a test left running: every later test would be frozen with it."""
    yield
    cluster = _cluster_module()
    if cluster is not None and cluster.stop_leftover():
        pytest.fail("the test left a VirtualCelery running; use it in a with block", pytrace=False)


def _cluster_module() -> Any:
    # A suite that never starts a cluster never pays for importing one.
    return sys.modules.get(f"{__package__}.cluster")
