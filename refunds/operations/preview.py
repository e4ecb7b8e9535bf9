"""What the button would do, before it is pressed."""

from dataclasses import dataclass
from datetime import datetime

from .. import store
from ..domain import sweeps as rules
from ..domain.cutoff import latest, upcoming
from ..models import Sweep


@dataclass(frozen=True)
class Preview:
    """What approving all would cover at an instant.

    `totals` holds (currency, how many, sum in minor units) for each currency. `owed_decline` counts the pending
    requests that were received before the last cut-off and can no longer be approved. `lapses_at` is in UTC.
    """

    up_to_id: int
    totals: list[tuple[str, int, int]]
    owed_decline: int
    lapses_at: datetime

    @property
    def count(self) -> int:
        """How many requests would be approved, in all currencies."""
        return sum(count for _, count, _ in self.totals)


def preview(now: datetime) -> Preview:
    """What a sweep started at `now` (aware) would approve, with its set frozen by the highest id.

    Raises NaiveInstant.
    """
    up_to_id = store.highest_id()
    totals, owed_decline = store.parted_totals(store.pending(rules.Cover(up_to_id)), latest(now))
    return Preview(up_to_id, totals, owed_decline, lapses_at=upcoming(now))


def started(key: str) -> Sweep | None:
    """The sweep that a press of the button with this key has started, if it has."""
    return Sweep.objects.filter(key=key).first()
