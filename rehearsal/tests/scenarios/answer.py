"""What a scenario's run comes to, in words that do not depend on ids, on the clock or on the process."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

# A task's id, what happened, its name, its arguments and its attempt.
Event = tuple[str, str, str, str, int]
Answer = dict[str, Any]

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

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
        tracks: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        labels: dict[str, str] = {}
        for id_, kind, name, args, attempt in self.events:
            if kind in KINDS:
                # A worker can throw a message away before the publisher tells that it has sent it, with arguments.
                if args or id_ not in labels:
                    labels[id_] = f"{name}({args})"
                tracks[id_][attempt].extend([kind] if kind != "sent" else [])
        told = [
            [_without_ids(labels[id_]), *_lines(tracks[id_], ordered=ordered), _without_ids(results.get(id_, ""))]
            for id_ in labels
        ]
        return {
            "messages": sorted([line for line in track if line] for track in told),
            "notes": self.notes if ordered else sorted(self.notes),
            "left": {queue: counts for queue, counts in sorted(left.items()) if any(counts)},
        }


def _lines(attempts: dict[int, list[str]], *, ordered: bool) -> list[str]:
    # By attempt: the parent can receive the next one before the child has said that it retries.
    return [f"{attempt}: {' '.join(_kinds(each, ordered))}" for attempt, each in sorted(attempts.items()) if each]


def _kinds(kinds: list[str], ordered: bool) -> list[str]:
    # Of a message that two workers get at the same time, they decide the order between what each does.
    return kinds if ordered or kinds.count("received") == 1 else sorted(kinds)


def _without_ids(text: str) -> str:
    # A job's number counts what its pool was ever given.
    return re.sub(r"Job: \d+", "Job: N", re.sub(UUID, "ID", text))


def arguments(headers: dict[str, Any]) -> str:
    """A message's arguments as its headers show them."""
    shown = (str(headers.get("argsrepr") or ""), str(headers.get("kwargsrepr") or ""))
    return " ".join(text for text in shown if text not in {"", "()", "[]", "{}"})


def outcome(meta: dict[str, Any]) -> str:
    """A task's state and result as the backend has them; empty for none."""
    state = meta["status"]
    return "" if state == "PENDING" else f"{state} {meta['result']!r}"
