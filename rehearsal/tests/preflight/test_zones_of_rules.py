"""S009: the system's zone database against the package."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal.preflight.check import check
from celery_rehearsal.preflight.rules import schedule_zones

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from celery_rehearsal.preflight.loaded import LoadedApp

KYIV = 'from celery import Celery\napp = Celery("shop")\napp.conf.timezone = "Europe/Kyiv"\n'


def system_with(folder: Path, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system's file of Europe/Kyiv be the package's file of another zone."""
    pytest.importorskip("tzdata")
    content: Any = files("tzdata.zoneinfo").joinpath(*zone.split("/"))
    (folder / "Europe").mkdir()
    (folder / "Europe" / "Kyiv").write_bytes(content.read_bytes())
    monkeypatch.setattr(schedule_zones, "TZPATH", (str(folder),))


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        (
            "Europe/Istanbul",
            ["the system's zone database and the package tzdata differ about 'Europe/Kyiv' from 2026-03-29"],
        ),
        ("Europe/Sofia", []),  # the same changes in these years
        ("Europe/Kyiv", []),
    ],
)
def test_older_system_is_a_finding(
    opened: Callable[..., LoadedApp], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, found: list[str]
) -> None:
    """From the first day on which a clock shows two times. Files that differ in the past only are no finding."""
    system_with(tmp_path, zone, monkeypatch)
    assert [each.message for each in check(opened(KYIV)).findings if each.rule == "S009"] == found


def test_without_a_systems_database_there_is_nothing_to_compare(
    opened: Callable[..., LoadedApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python reads the package."""
    monkeypatch.setattr(schedule_zones, "TZPATH", ())
    assert [each for each in check(opened(KYIV)).findings if each.rule == "S009"] == []
