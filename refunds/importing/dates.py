"""Read dates in the formats that a layout declares. Reject a value that is a different instant in two formats."""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from .errors import BadRow, shown
from .fields import Cells, required

ISO: Final = "iso"
# Directives of strptime, except those that depend on the machine's locale (%c, %x, %X, %A …) or are not needed for an
# instant.
_DIRECTIVES: Final = "YymdbHIpMSfz"
_DIRECTIVE: Final = re.compile("%(.?)", re.DOTALL)

# An earlier year is a typing error (0026 for 2026). Near the years 1 and 9999, a conversion between zones overflows.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9998

_DATE_TIME: Final = r"\d{4}-\d\d-\d\d[T ](?:[01]\d|2[0-3]):\d\d"
# It requires the whole offset, so that a cut one is rejected.
_INSTANT: Final = re.compile(rf"({_DATE_TIME}(?::\d\d(?:\.\d{{1,6}})?)?)(Z|[+-]\d\d:\d\d)?", re.ASCII)
_WALL_TIME: Final = re.compile(rf"{_DATE_TIME}:\d\d", re.ASCII)


def check_format(pattern: str, *, zoned: bool) -> None:
    """Raise ValueError if `pattern` does not determine an instant. `zoned` says whether the layout has a zone."""
    if pattern == ISO:
        return
    found = _DIRECTIVE.findall(pattern)
    strange = [each for each in found if each not in _DIRECTIVES or not each]
    if strange:
        raise ValueError(f"{pattern!r} has %{strange[0]}; known are %{', %'.join(_DIRECTIVES)}")
    if not ({"Y", "y"} & set(found) and {"m", "b"} & set(found) and "d" in found):
        raise ValueError(f'{pattern!r} needs a year, a month and a day, such as "%d.%m.%Y %H:%M"')
    if "I" in found and "p" not in found:
        raise ValueError(f"{pattern!r} has the hour of twelve (%I) without %p; use %H, or add %p")
    if len(found) != len(set(found)):
        raise ValueError(f"{pattern!r} has a directive twice")
    if "z" not in found and not zoned:
        raise ValueError(f'{pattern!r} has no offset (%z): say where its clocks are, such as zone = "Europe/Paris"')


def instant(cells: Cells, name: str, dates: tuple[str, ...], zone: ZoneInfo | None) -> datetime:
    """Return the date and time in UTC. Raises BadRow.

    In a layout with a zone, "iso" has seconds and no offset; in a layout without a zone, it has an offset.
    """
    if dates == (ISO,):
        return _iso(cells, name, zone)
    value = required(cells, name)
    found = {at for pattern in dates if (at := _by(pattern, cells, name, value, zone)) is not None}
    if not found:
        raise BadRow(f"{name} {shown(value)} is not a date and time written as {' or '.join(dates)}")
    if len(found) > 1:
        raise BadRow(
            f"{name} {shown(value)} is a different time by each of {' and '.join(dates)}; "
            "leave one of them in the layout"
        )
    return found.pop()


def _iso(cells: Cells, name: str, zone: ZoneInfo | None) -> datetime:
    return _with_offset(cells, name) if zone is None else _wall_time(cells, name, zone)


def _by(pattern: str, cells: Cells, name: str, value: str, zone: ZoneInfo | None) -> datetime | None:
    if pattern == ISO:
        try:
            return _iso(cells, name, zone)
        except BadRow:
            return None
    if not value.isascii():  # strptime reads digits of every script
        return None
    try:
        # DTZ007: a text without an offset gets the zone below.
        parsed = datetime.strptime(value, pattern)  # noqa: DTZ007
    except ValueError:
        return None
    _check_year(name, value, parsed)
    if parsed.tzinfo is not None:
        return parsed.astimezone(UTC)
    if zone is None:  # check_format refuses such a layout
        raise BadRow(f"{name} {shown(value)} has no UTC offset, and the layout has no zone")
    return _in_zone(name, value, parsed, zone)


def _with_offset(cells: Cells, name: str) -> datetime:
    """Return an ISO 8601 date and time with its offset, in UTC."""
    value = required(cells, name)
    match = _INSTANT.fullmatch(value)
    if not match:
        raise BadRow(f"{name} {shown(value)} is not a date and time such as 2026-07-15T09:30:00+03:00")
    if match[2] is None:
        raise BadRow(f"{name} {shown(value)} has no UTC offset; write it such as {match[1]}+03:00")
    return _existing(name, value).astimezone(UTC)


def _wall_time(cells: Cells, name: str, zone: ZoneInfo) -> datetime:
    """Return in UTC the date and time that the clocks of `zone` show.

    In the hour that clocks repeat in autumn, take the first of the two times. Reject a time in the hour that they skip.
    """
    value = required(cells, name)
    if not _WALL_TIME.fullmatch(value):
        raise BadRow(f"{name} {shown(value)} is not a date and time such as 2010-12-01 09:41:00")
    return _in_zone(name, value, _existing(name, value), zone)


def _in_zone(name: str, value: str, at: datetime, zone: ZoneInfo) -> datetime:
    """Return in UTC the naive `at` on the clocks of `zone`; see `_wall_time`. Messages quote `value`."""
    local = at.replace(tzinfo=zone)
    in_utc = local.astimezone(UTC)
    if in_utc.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise BadRow(f"{name} {shown(value)} does not exist: the clocks of {zone.key} skipped it")
    return in_utc


def _existing(name: str, value: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadRow(f"{name} {shown(value)} does not exist: {error}") from error
    _check_year(name, value, parsed)
    return parsed


def _check_year(name: str, value: str, at: datetime) -> None:
    """Raise BadRow if the year must be a typing error."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise BadRow(f"{name} {shown(value)} is not in the years {FIRST_YEAR} to {LAST_YEAR}")
