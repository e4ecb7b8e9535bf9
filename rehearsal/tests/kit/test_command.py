"""`celery rehearsal seams`, as a project calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import celery as celery_package
import pytest
from celery_rehearsal import extras, seams
from celery_rehearsal.command import rehearsal
from celery_rehearsal.seam_list import SEAMS
from click.testing import CliRunner

if TYPE_CHECKING:
    from click.testing import Result


def call() -> Result:
    """What the command does and prints."""
    return CliRunner().invoke(rehearsal, ["seams"])


def test_each_seam_and_each_extra_has_a_line() -> None:
    """Where a cluster starts, the command succeeds."""
    done = call()
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"celery {celery_package.__version__} is supported (>=5.5.2,<5.8)")
    lines = done.output.splitlines()
    assert [line for line in lines if line.startswith("holds  ")] == [f"holds  {s.name} ({s.use})" for s in SEAMS]
    assert [line.partition(":")[0] for line in lines if line.startswith("extra ")] == [
        "extra redis",
        "extra hypothesis",
    ]
    assert lines[-1] == f"0 of {len(SEAMS)} seams have moved"


def test_a_moved_seam_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, and the exit status tells it to CI."""
    monkeypatch.delattr("celery.beat.Scheduler.apply_entry")
    done = call()
    assert done.exit_code == 1
    moved = [line for line in done.output.splitlines() if line.startswith("moved")]
    assert moved == ["moved  beat Scheduler (ticked)"]


def test_an_unsupported_release_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """All seams hold, and yet no cluster would start."""
    monkeypatch.setitem(seams.SUPPORTED, "celery", ">=99")
    done = call()
    assert done.exit_code == 1
    assert f"celery {celery_package.__version__} is not supported (>=99)" in done.output
    assert "0 of" in done.output


def test_a_missing_extra_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the modules that it would bring; a cluster on memory starts."""
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    done = call()
    assert "extra hypothesis: not installed (hypothesis)" in done.output
    assert done.exit_code == 0
