"""18:00 in Kyiv, soon: processes that live on the machine's clock, in a world that is turned a little.

Not the clock is moved, as a frozen one would be, but Kyiv: its time zone is read from a file of ours, by the variable
PYTHONTZPATH (https://docs.python.org/3/library/zoneinfo.html#configuring-the-data-sources), with the offset that makes
the next 18:00 come when it is wanted. Every process under it agrees, nothing is patched, and waits stay what they are.
"""

import struct
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

_DAY = timedelta(days=1)
# The hour that the project declines at, said here once more: the zone is made before anything of it is imported.
_EVENING = timedelta(hours=18)


def offset(cutoff: datetime) -> timedelta:
    """How far ahead of UTC a place is where `cutoff` (aware) is 18:00: from -12 to 12 hours, in whole seconds."""
    utc = cutoff.astimezone(UTC)
    found = (_EVENING - timedelta(hours=utc.hour, minutes=utc.minute, seconds=utc.second)) % _DAY
    return found if found < _DAY / 2 else found - _DAY


def zone_file(ahead: timedelta) -> bytes:
    """A zone of one offset for ever, in the format of RFC 8536, version 1."""
    # Instead of an abbreviation: Django asks a zone of one offset for its name, and looks for a zone of that name.
    name = b"Europe/Kyiv\0"
    header = struct.pack(">4sc15x6L", b"TZif", b"\0", 0, 0, 0, 0, 1, len(name))
    return header + struct.pack(">lBB", int(ahead.total_seconds()), 0, 0) + name


def turn(folder: Path, cutoff: datetime) -> dict[str, str]:
    """Make `cutoff` (aware, whole seconds) a Kyiv 18:00, in this process and in children with the variables returned.

    In this process it must come before anything has asked for the zone.
    """
    variables = zones(folder, cutoff)
    zoneinfo.reset_tzpath([*variables.values()])
    return variables


def zones(folder: Path, cutoff: datetime) -> dict[str, str]:
    """Make `cutoff` (aware, whole seconds) a Kyiv 18:00 in processes with the variables returned, and in no other."""
    place = folder / "zones" / "Europe"
    place.mkdir(parents=True)
    (place / "Kyiv").write_bytes(zone_file(offset(cutoff)))
    return {"PYTHONTZPATH": str(folder / "zones")}
