"""The rule about suppressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..findings import Finding, Level
from ..registry import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loaded import LoadedApp


@rule("P001", "unused-suppression", Level.WARNING)
def unused_suppression(_loaded: LoadedApp) -> Iterator[Finding]:
    """A suppression matches no finding.

    The fault that it names was repaired, or the entry, task or setting has another name now. If the suppression
    stays, it hides the next fault of this kind. Remove it.
    """
    # The run itself reports these: only it knows which suppressions it used.
    yield from ()
