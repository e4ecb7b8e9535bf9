"""Cancel a sweep between two of its chunks."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from .. import queries
from ..domain.returns import Decision
from ..domain.sweeps import has_expired
from ..errors import BadInput, UnknownRow
from ..models import Chunk, Sweep

Totals = list[tuple[str, int, int]]  # currency, count, sum in minor units


def can_cancel(sweep: Sweep, now: datetime) -> bool:
    """Return whether the sweep is an approval that still decides rows at `now` (aware)."""
    return sweep.kind == Decision.APPROVE and not sweep.closed_at and not has_expired(sweep.expires_at, now)


def cancel(sweep_id: int, now: datetime) -> Totals:
    """Close the sweep with what it has not decided, and return that. Decided rows stay decided.

    A chunk that a worker has in hand is decided first. Raises UnknownRow, and BadInput for a sweep that is over or that
    declines.
    """
    with transaction.atomic():
        sweep = locked(sweep_id)
        if not can_cancel(sweep, now):
            text = gettext("%(sweep)s cannot be cancelled: only an approval under way can")
            raise BadInput(text % {"sweep": sweep})
        return close(sweep, now)


def locked(sweep_id: int) -> Sweep:
    """Return the sweep, locked against other presses. Requires a transaction around it. Raises UnknownRow."""
    # no_key: a worker's chunk refers to the sweep, and would wait for a full lock while this waits for the chunk.
    sweep = Sweep.objects.select_for_update(no_key=True).filter(pk=sweep_id).first()
    if sweep is None:
        raise UnknownRow("sweep", sweep_id)
    return sweep


def close(sweep: Sweep, now: datetime) -> Totals:
    """Close the locked sweep once no worker has a chunk of it in hand; return what it leaves."""
    # Each later worker finds the sweep closed: it reads the sweep after it has locked its chunk.
    list(Chunk.objects.select_for_update().filter(sweep=sweep, done_at=None).order_by("pk").values_list("pk"))
    left, _ = queries.totals(queries.pending(sweep), Q())
    sweep.closed_at, sweep.left = now, sum(count for _, count, _ in left)
    sweep.save(update_fields=["closed_at", "left"])
    return left
