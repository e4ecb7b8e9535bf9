"""The pytest plugin: a cluster as a fixture, its start as a marker, its timeline in a failure's report."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from .cluster import VirtualCelery

P = ParamSpec("P")

MARKER = "virtual_celery"

# Characters of a page's name; systems take 255 bytes.
LONGEST_NAME = 150

# A cluster without a start of its own begins here: some instant, the same on each run.
DEFAULT_START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the pages of failing tests."""
    parser.getgroup("celery rehearsal").addoption(
        "--rehearsal-html",
        metavar="DIR",
        help="where a failing test's timeline is written as a page; pytest's cache folder by default",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for suites with --strict-markers."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(start=..., transport=..., **options): VirtualCelery's arguments, for the fixture {MARKER}",
    )


if TYPE_CHECKING:
    # The arguments of a cluster but for the app, which the fixture gives. `pytest.mark` tells a type checker none.
    def _keywords_of(_like: Callable[Concatenate[Any, P], Any]) -> Callable[P, pytest.MarkDecorator]: ...

    mark = _keywords_of(VirtualCelery)  # type: ignore[arg-type]  # the app is a keyword, too

else:

    def mark(**options: Any) -> pytest.MarkDecorator:
        """The marker `virtual_celery` with its keywords, for suites that a type checker reads."""
        return getattr(pytest.mark, MARKER)(**options)


@pytest.fixture
def virtual_celery_app() -> Any:
    """The app to run. A project overrides this fixture in its conftest.py."""
    pytest.fail("define a fixture virtual_celery_app that returns your Celery app", pytrace=False)


@pytest.fixture
def start_virtual_celery(request: pytest.FixtureRequest) -> Iterator[Callable[..., VirtualCelery]]:
    """A function that starts a cluster of an app, options as VirtualCelery's; it stops with the test."""
    from .cluster import VirtualCelery as Cluster

    with ExitStack() as stack:

        def start(app: Any, **options: Any) -> VirtualCelery:
            wanted = _marked(request.node) | options
            wanted.setdefault("start", DEFAULT_START)
            return stack.enter_context(Cluster(app, **wanted))

        yield start


@pytest.fixture
def virtual_celery(virtual_celery_app: Any, start_virtual_celery: Callable[..., VirtualCelery]) -> VirtualCelery:
    """A running cluster of the project's app; the marker of the same name holds its options."""
    return start_virtual_celery(virtual_celery_app)


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


def _marked(node: pytest.Item) -> dict[str, Any]:
    # From the module down to the function, so that the nearest marker wins.
    options: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if marker.args:
            raise pytest.UsageError(f"{MARKER} takes keywords: {MARKER}(start=...)")
        options |= marker.kwargs
    return options


def _cluster_module() -> Any:
    # A suite that never starts a cluster never pays for importing one.
    return sys.modules.get(f"{__package__}.cluster")
