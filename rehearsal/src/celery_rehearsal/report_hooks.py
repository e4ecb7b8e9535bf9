"""What the plugin does around each test. It registers this module where pytest is new enough."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

# Characters of a page's name; systems take 255 bytes.
LONGEST_NAME = 150


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
        timeline = cluster.last[0].timeline
        page = _write(item, timeline.html())
        report.sections.append(("virtual time", f"{timeline.excerpt()}{page}"))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """Stop a cluster that a test left running: every later test would be frozen with it."""
    yield
    cluster = _cluster_module()
    if cluster is not None and cluster.stop_leftover():
        pytest.fail("the test left a VirtualCelery running; use it in a with block", pytrace=False)


def _write(item: pytest.Item, html: str) -> str:
    """Write a test's page, and return a line with its path; nothing where there is no folder for it."""
    folder, cache = item.config.getoption("--rehearsal-html", default=None), getattr(item.config, "cache", None)
    if folder is not None:
        place = Path(folder)
    elif cache is not None:
        place = cache.mkdir("celery-rehearsal")
    else:
        return ""
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', item.nodeid)[-LONGEST_NAME:]}.html"
    path.write_text(html, "utf-8")
    return f"\nthe whole timeline: {path.absolute()}"


def _cluster_module() -> Any:
    # A suite that never starts a cluster never pays for importing one.
    return sys.modules.get(f"{__package__}.cluster")
