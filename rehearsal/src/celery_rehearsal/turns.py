"""Counts how often one thing leads to itself at one instant: on a clock that stands, such a loop never ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# How deep a message can descend from itself or from its parents at one instant. A fan-out is wide and not
# deep, so it does not count; a chain of a thousand tasks at one instant is longer than a test needs.
DEEPEST = 1_000


class Turns:
    """`endless` names the message or entry that went deeper than DEEPEST and says so; `last` came last."""

    def __init__(self, instant: Callable[[], object]) -> None:
        self._instant = instant
        self._at: object = None
        self._seen: dict[str, tuple[int, str]] = {}
        self.endless = self.last = ""

    def came(self, key: str, label: str, parent: str = "") -> None:
        """A message was received, or an entry of beat was sent."""
        if self._at != self._instant():
            self._at = self._instant()
            self._seen.clear()
        above, cause = max(self._seen.get(key, (0, "")), self._seen.get(parent, (0, "")))
        self._seen[key] = above + 1, label
        self.last = label
        if above >= DEEPEST:
            after = "" if cause == label else f", after {cause},"
            self.endless = f"{label}{after} is the last of {DEEPEST} that led to one another"
