"""The pytest plugin: a cluster as a fixture, its start as a marker, its timeline in a failure's report.

pytest imports it in every suite of an environment that has the kit. So it imports nothing but pytest: where Celery or
anything else cannot be imported, the tests that ask for a cluster fail with that error, and no other does.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cluster import VirtualCelery

P = ParamSpec("P")

MARKER = "virtual_celery"

# The first whose hooks are wrappers as `report_hooks` has them.
OLDEST = (8,)

# A cluster without a start of its own begins here: some instant, the same on each run.
DEFAULT_START = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


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
    if _is_new_enough():
        from . import report_hooks

        config.pluginmanager.register(report_hooks)


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
    """A function that starts a cluster of an app, the project's by default; it stops with the test.

    Its options are VirtualCelery's, and go before those of the marker.
    """
    if not _is_new_enough():
        pytest.fail(f"the fixtures need pytest {OLDEST[0]}; VirtualCelery itself needs no pytest", pytrace=False)
    from .cluster import VirtualCelery as Cluster

    with ExitStack() as stack:

        def start(app: Any = None, **options: Any) -> VirtualCelery:
            app = request.getfixturevalue("virtual_celery_app") if app is None else app
            wanted = _marked(request.node) | options
            wanted.setdefault("start", DEFAULT_START)
            return stack.enter_context(Cluster(app, **wanted))

        yield start


@pytest.fixture
def virtual_celery(virtual_celery_app: Any, start_virtual_celery: Callable[..., VirtualCelery]) -> VirtualCelery:
    """A running cluster of the project's app; the marker of the same name holds its options."""
    return start_virtual_celery(virtual_celery_app)


def _is_new_enough() -> bool:
    return pytest.version_tuple >= OLDEST


def _marked(node: pytest.Item) -> dict[str, Any]:
    # From the module down to the function, so that the nearest marker wins.
    options: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if marker.args:
            raise pytest.UsageError(f"{MARKER} takes keywords: {MARKER}(start=...)")
        options |= marker.kwargs
    return options
