"""Tests that show what Redis does with a message that a worker holds for longer than the visibility timeout."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .proofs import proof_transport
from .scripts import Script, arguments, quoted, span

if TYPE_CHECKING:
    from .loaded import LoadedApp

MINUTE = timedelta(minutes=1)


def one_run_after(loaded: LoadedApp, name: str, countdown: float) -> Script:
    """A message with a countdown runs once."""
    task = quoted(name)
    given = ", ".join(filter(None, [arguments(loaded.tasks[name]), f"countdown={countdown:g}"]))
    return Script(
        "R008",
        name,
        f"{name} runs once when it is sent with a countdown of {countdown:g} s",
        loaded.start,
        (
            f"app.tasks[{task}].apply_async({given})",
            f"celery.advance({span(timedelta(seconds=countdown) + MINUTE)})",
            f"celery.assert_ran({task}, times=1)",
        ),
        doubles=True,
        transport=proof_transport(loaded, redelivers=True),
    )


def one_long_run(loaded: LoadedApp, name: str, takes: timedelta, timeout: float) -> Script:
    """A run that takes longer than the timeout is not begun again."""
    task = quoted(name)
    return Script(
        "R009",
        name,
        f"{name} runs once though a run takes {takes.total_seconds():g} s",
        loaded.start,
        (
            f"app.tasks[{task}].apply_async({arguments(loaded.tasks[name])})",
            f"celery.advance({span(takes + timedelta(seconds=timeout))})",
            f"celery.assert_ran({task}, times=1)",
        ),
        options=(f"running_time={{{task}: {takes.total_seconds():g}}}",),
        doubles=True,
        transport=proof_transport(loaded, redelivers=True),
    )
