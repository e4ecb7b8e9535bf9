"""A schedule in words that are the same in every run."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab, schedule


def pattern(value: Any) -> str:
    """Return "crontab 0 18 * * *" in cron's order, "every 90 s", or what a schedule of another kind says of itself."""
    if isinstance(value, crontab):
        return f"crontab {cron_fields(value)}"
    if isinstance(value, schedule):
        relative = ", on the clock's own boundaries (relative)" if value.relative else ""
        return f"every {value.run_every.total_seconds():g} s{relative}"  # type: ignore[attr-defined] # not in its stub
    describes: Any = type(value).__repr__
    if describes is object.__repr__:
        # An address in memory, which differs in each run.
        return f"{type(value).__module__}.{type(value).__qualname__}"
    return " ".join(repr(value).split())


def cron_fields(value: Any) -> str:
    """Return the fields as they were written: minute, hour, day of the month, month, day of the week."""
    names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
    return " ".join(_field(getattr(value, f"_orig_{name}")) for name in names)


def _field(written: Any) -> str:
    if isinstance(written, str):
        return "".join(written.split())
    return str(written) if isinstance(written, int) else ",".join(map(str, sorted(written)))
