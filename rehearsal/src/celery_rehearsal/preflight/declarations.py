"""What an application cannot tell of itself, declared in pyproject.toml in the words of `celery simulate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .durations import daily_window, duration
from .errors import CannotCheckError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from .durations import Daily

# The values of `beat_disk` and `outage_of`. The first is what holds where nothing is declared.
DISKS = ("kept", "lost")
OUTAGES_OF = ("workers", "beats", "all")


@dataclass(frozen=True)
class Declared:
    """How the application is run. What is None or empty is not declared."""

    deploy_every: timedelta | None = None
    beat_disk: str | None = None
    beats: int | None = None
    concurrency: int | None = None
    outage: Daily | None = None
    outage_of: str = OUTAGES_OF[0]
    # By the name of the task.
    running_times: Mapping[str, timedelta] = field(default_factory=dict)
    # `module:function`, which counts what the tasks of entries have done.
    effects: str | None = None
    # Whether preflight runs beat and worker at all, which runs the receivers of signals.
    simulate: bool = True

    @property
    def disk_lost(self) -> bool:
        """Whether beat starts without its schedule file after each deploy."""
        return self.beat_disk == "lost"


def declared(table: Mapping[str, Any]) -> Declared:
    """Read the declarations of a table. Raises CannotCheckError for a value of another kind."""
    every, outage = _string(table, "deploy_every"), _string(table, "outage")
    return Declared(
        deploy_every=duration(every, "deploy_every") if every is not None else None,
        beat_disk=_one_of(table, "beat_disk", DISKS),
        beats=_count(table, "beats"),
        concurrency=_count(table, "concurrency"),
        outage=daily_window(outage, "outage") if outage is not None else None,
        outage_of=_one_of(table, "outage_of", OUTAGES_OF) or OUTAGES_OF[0],
        running_times=_running_times(table.get("running_times", {})),
        effects=_effects(table),
        simulate=_boolean(table, "simulate"),
    )


def _string(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise CannotCheckError(f"{key} must be a string, not {value!r}")
    return value


def _one_of(table: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str | None:
    value = _string(table, key)
    if value is not None and value not in known:
        raise CannotCheckError(f"{key} must be one of {', '.join(known)}, not {value!r}")
    return value


def _boolean(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, True)
    if not isinstance(value, bool):
        raise CannotCheckError(f"{key} must be true or false, not {value!r}")
    return value


def _count(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    # A boolean is an int of Python.
    if value is not None and (type(value) is not int or value < 1):
        raise CannotCheckError(f"{key} must be a number of 1 or more, not {value!r}")
    return value


def _running_times(rows: Any) -> dict[str, timedelta]:
    if not isinstance(rows, dict) or not all(isinstance(written, str) for written in rows.values()):
        raise CannotCheckError(f'running_times must be a table such as {{ "shop.close" = "2h" }}, not {rows!r}')
    return {task: duration(written, f"running_times of {task!r}") for task, written in rows.items()}


def _effects(table: Mapping[str, Any]) -> str | None:
    value = _string(table, "effects")
    if value is not None and not all(part.strip() for part in value.partition(":")):
        raise CannotCheckError(f"effects must be `module:function`, not {value!r}")
    return value
