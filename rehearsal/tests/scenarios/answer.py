"""What a scenario's run comes to, in words that do not depend on ids, on the clock or on the process."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

# A task's id, what happened, its name, its arguments and its attempt.
Event = tuple[str, str, str, str, int]
Answer = dict[str, Any]

# What both can tell: the kit also records what only it can see, as rate limits while they hold.
KINDS = {"sent", "received", "started", "succeeded", "failed", "retried", "expired", "revoked"}


@dataclass
class Story:
    """A run as it is collected."""

    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def answer(self, results: dict[str, str], left: dict[str, list[int]], *, ordered: bool) -> Answer:
        """The run in words. `results` has an id's state and result, `left` a queue's messages: ready and unacked.

        Messages are tracks of their own, because two processes decide the order between them; what a scenario wants
        to say about that order it says in notes.
        """
        tracks: dict[str, list[tuple[str, int]]] = defaultdict(list)
        labels: dict[str, str] = {}
        for id_, kind, name, args, attempt in self.events:
            labels.setdefault(id_, f"{name}({args})")
            # A retry publishes the next attempt from the child while the parent may be receiving it.
            if kind in KINDS and kind != "sent":
                tracks[id_].append((kind, attempt))
        told = [[labels[id_], *_lines(tracks[id_]), results.get(id_, "")] for id_ in labels]
        return {
            "messages": sorted([line for line in track if line] for track in told),
            "notes": self.notes if ordered else sorted(self.notes),
            "left": {queue: counts for queue, counts in sorted(left.items()) if any(counts)},
        }


def _lines(track: list[tuple[str, int]]) -> list[str]:
    return [f"{kind} {attempt}" for kind, attempt in track]


def arguments(headers: dict[str, Any]) -> str:
    """A message's arguments as its headers show them."""
    shown = (str(headers.get("argsrepr") or ""), str(headers.get("kwargsrepr") or ""))
    return " ".join(text for text in shown if text not in {"", "()", "[]", "{}"})


def outcome(meta: dict[str, Any]) -> str:
    """A task's state and result as the backend has them; empty for none."""
    state = meta["status"]
    return "" if state == "PENDING" else f"{state} {meta['result']!r}"
