"""The internals that the kit holds on to, one by one, and the versions on which they were tried.

Celery promises none of them. Each is looked at before the first cluster of a process starts; where one has
moved, the kit refuses with its name instead of running something that only looks like Celery.
"""

from __future__ import annotations

from importlib.metadata import version

from packaging.specifiers import SpecifierSet

from .errors import SeamMovedError
from .seam_list import SEAMS
from .seam_looks import Seam

# From the first that fires an 18:00 entry on time on a spring Sunday, to the last that the canaries have run
# on.
SUPPORTED = {"celery": ">=5.5.2,<5.8", "kombu": ">=5.5,<5.8", "time-machine": ">=3.4,<4"}


_checked: set[str] = set()


def check(*, any_version: bool = False) -> None:
    """Look at every seam, once in a process. Raises SeamMovedError."""
    # Reading the metadata of three packages takes as long as starting a worker.
    if not any_version and "versions" not in _checked:
        check_versions()
        _checked.add("versions")
    if "seams" not in _checked:
        check_seams()
        _checked.add("seams")


def check_versions() -> None:
    """Raises SeamMovedError for a release outside of what is supported, and for every pre-release."""
    for package in unsupported():
        moved = moved_seams()
        where = f"; moved: {', '.join(s.name for s in moved)}" if moved else "; no seam is known to have moved"
        raise SeamMovedError(
            f"{package} {version(package)} is not supported (releases {SUPPORTED[package]}, no pre-releases){where}. "
            "To try it nevertheless: VirtualCelery(..., any_version=True)"
        )


def unsupported() -> list[str]:
    """The packages of which another release is installed than those on which the kit was tried."""
    # A pre-release can differ from the release that it becomes, also where it is within the bounds.
    return [
        package
        for package, allowed in SUPPORTED.items()
        if not SpecifierSet(allowed).contains(version(package), prereleases=False)
    ]


def check_seams() -> None:
    """Raises SeamMovedError naming each seam that moved."""
    moved = moved_seams()
    if moved:
        names = "; ".join(f"{seam.name} ({seam.use})" for seam in moved)
        installed = ", ".join(f"{package} {version(package)}" for package in SUPPORTED)
        raise SeamMovedError(f"the kit does not run on {installed}; install an earlier release. moved: {names}")


def moved_seams() -> list[Seam]:
    """The seams that do not hold."""
    return [seam for seam in SEAMS if not _holds(seam)]


def _holds(seam: Seam) -> bool:
    try:
        return bool(seam.holds())
    except Exception:
        return False
