"""Handlers of Celery's signals in a simulation: with stubs they do not run, and a note names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from celery import signals
from celery.utils.dispatch import Signal
from celery_rehearsal.preflight.check import check
from celery_rehearsal.preflight.findings import Evidence

from .conftest import APPS
from .simulate_shop import HOURLY, call, counts, make_shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.loaded import LoadedApp

heard: list[str] = []


def write_down(**_values: Any) -> None:
    """Such as a row in a database for each message."""
    heard.append("heard")


@pytest.fixture(params=["after_task_publish", "task_prerun", "worker_ready", "beat_init"])
def signal(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a signal that the application listens to."""
    heard.clear()
    found: Signal = getattr(signals, request.param)
    found.connect(write_down)
    before = list(found.receivers)
    yield request.param
    assert found.receivers == before
    found.disconnect(write_down)


def test_a_handler_does_not_run_with_stubs_and_a_note_names_it(signal: str) -> None:
    """It could write into the store of production."""
    done = call(make_shop({"sync": HOURLY}), "--days", "1")
    assert counts(done, "sync") == {"due": "24", "runs": "24"}
    (note,) = [line for line in done.stdout.splitlines() if line.startswith("note: handlers of signals did not run: ")]
    assert f"{__name__}.write_down of {signal}" in note
    assert heard == []


def test_a_handler_runs_with_real_tasks(signal: str) -> None:
    """Without a note."""
    done = call(make_shop({"sync": HOURLY}), "--days", "1", "--real")
    assert f"write_down of {signal}" not in done.stdout
    assert heard != []


def test_a_handler_that_has_every_attribute_is_left_out() -> None:
    """Such as a mock, which only looks like a function of Celery's."""
    handler = Mock()
    signals.before_task_publish.connect(handler)
    call(make_shop({"sync": HOURLY}), "--days", "1")
    signals.before_task_publish.disconnect(handler)
    handler.assert_not_called()


def test_handlers_of_one_name_are_all_left_out() -> None:
    """As a factory makes them: two functions whose path is the same."""
    heard.clear()

    def make() -> Any:
        def write(**_values: Any) -> None:
            heard.append("heard")

        return write

    handlers = [make(), make()]
    for each in handlers:
        signals.before_task_publish.connect(each)
    call(make_shop({"sync": HOURLY}), "--days", "1")
    for each in handlers:
        signals.before_task_publish.disconnect(each)
    assert heard == []


def test_a_handler_that_celery_tries_again_does_not_run_either() -> None:
    """Celery wraps it in a function of its own."""
    heard.clear()
    # celery-types does not know `retry`.
    connect: Any = signals.task_postrun.connect
    connect(write_down, retry=True)
    try:
        done = call(make_shop({"sync": HOURLY}), "--days", "1")
    finally:
        signals.task_postrun.receivers.pop()
    assert f"{__name__}.write_down of task_postrun" in done.stdout
    assert heard == []


def test_a_proof_of_preflight_runs_no_handler(opened: Callable[..., LoadedApp]) -> None:
    """Preflight simulates by default, and must not write into the store of production either."""
    heard.clear()
    signals.before_task_publish.connect(write_down)
    try:
        found = check(opened((APPS / "S001" / "fails.py").read_text("utf-8"))).findings
    finally:
        signals.before_task_publish.disconnect(write_down)
    assert [each.evidence for each in found if each.rule == "S001"][:1] == [Evidence.PROVEN]
    assert heard == []
