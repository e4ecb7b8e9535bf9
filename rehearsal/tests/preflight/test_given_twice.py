"""A setting behind the namespace and in `app.conf`: which one Celery reads, it says, is what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import celery
from celery_rehearsal.preflight.check import check

from .conftest import APPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.loaded import LoadedApp


def test_it_names_the_one_that_is_read(opened: Callable[..., LoadedApp]) -> None:
    """Celery 5.7 changed it: the entries of the loaded application tell."""
    loaded = opened((APPS / "W021" / "fails.py").read_text("utf-8"))
    found = next(each for each in check(loaded).findings if each.rule == "W021")
    entries = {"clean": "CELERY_BEAT_SCHEDULE", "close": "app.conf.beat_schedule"}
    (read,) = [entries[each.name] for each in loaded.entries]
    assert found.message.endswith(f" reads `{read}`")
    assert read == ("app.conf.beat_schedule" if celery.VERSION >= (5, 7) else "CELERY_BEAT_SCHEDULE")
