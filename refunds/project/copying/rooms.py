"""Find the rooms, which are the app's optional packages, and which of them need others."""

from collections.abc import Iterable, Sequence

from .errors import CannotCopy
from .sources import NEVER, PACKAGE, below, imported


def rooms() -> tuple[str, ...]:
    """Return the names of all rooms: the folders of the package that are Django apps."""
    return tuple(sorted(file.parent.name for file in PACKAGE.glob("*/apps.py") if file.parent.name not in NEVER))


def needs(room: str) -> frozenset[str]:
    """Return the other rooms that a room imports."""
    files = [file for file in below(PACKAGE / room) if file.suffix == ".py"]
    tops = {name.partition(".")[0] for file in files for name in imported(file, PACKAGE)}
    return frozenset(tops & set(rooms()) - {room})


def kept(without: Iterable[str]) -> Sequence[str]:
    """Return the rooms to copy. Raises CannotCopy for an unknown room, or if a kept room needs one of `without`."""
    found, left = rooms(), set(without)
    if unknown := sorted(left - set(found)):
        raise CannotCopy(f"there is no room {unknown[0]!r} to leave out: the rooms are {', '.join(found)}")
    wanted = [room for room in found if room not in left]
    for room in wanted:
        if missing := sorted(needs(room) & left):
            raise CannotCopy(f"{room} needs {missing[0]}: keep {missing[0]}, or leave out {room} too")
    return wanted
