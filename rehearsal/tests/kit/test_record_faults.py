"""What the kit cannot record fails the test: Celery only logs an error of a signal's receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import TestkitError, VirtualCelery, watch

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


def breaks(*_args: Any, **_kwargs: Any) -> Any:
    raise LookupError("no such word")


def test_a_sent_message_that_cannot_be_recorded_fails_the_test(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the call that sends it."""
    with VirtualCelery(app, start=NOON) as celery:
        monkeypatch.setattr(watch, "shown", breaks)
        with pytest.raises(TestkitError, match=r"cannot record what happened.*no such word"):
            app.send_task("note")
        monkeypatch.undo()
        celery.run_until_idle()


@pytest.mark.parametrize("name", ["_received", "_started", "_succeeded"])
def test_a_run_that_cannot_be_recorded_fails_the_test(app: Celery, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Not the task, which would say nothing."""
    monkeypatch.setattr(watch.Watch, name, breaks)
    with VirtualCelery(app, start=NOON) as celery:
        app.send_task("note", [1])
        with pytest.raises(TestkitError, match=r"cannot record what happened.*no such word"):
            celery.run_until_idle()
