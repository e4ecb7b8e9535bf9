"""Read dates in the formats that a layout declares. Reject a value that is a different instant in two formats."""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from . import fields
from .errors import BadRow, shown
from .fields import Cells

ISO: Final = "iso"
# Directives of strptime, except those that depend on the machine's locale (%c, %x, %X, %A …) or are not needed for an
# instant.
_DIRECTIVES: Final = "YymdbHIpMSfz"
_DIRECTIVE: Final = re.compile("%(.?)", re.DOTALL)


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
    value = fields.required(cells, name)
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
    return fields.instant(cells, name) if zone is None else fields.wall_time(cells, name, zone)


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
    fields.check_year(name, value, parsed)
    if parsed.tzinfo is not None:
        return parsed.astimezone(UTC)
    if zone is None:  # check_format refuses such a layout
        raise BadRow(f"{name} {shown(value)} has no UTC offset, and the layout has no zone")
    return fields.in_zone(name, value, parsed, zone)
