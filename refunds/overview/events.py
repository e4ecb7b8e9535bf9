"""Tell what happened to a sweep, from its rows and its history."""

from collections.abc import Iterator
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Max
from django.utils.translation import gettext

from ..admin.values import number
from ..domain.sweeps import Progress
from ..models import Sweep
from .pieces import chunks_of_others

Event = tuple[datetime, str]


def events(sweep: Sweep, progress: Progress) -> list[Event]:
    """Return instant and text of what happened to the sweep, the first first."""
    return sorted([*_of_rows(sweep, progress), *_of_history(sweep)], key=lambda event: event[0])


def _of_rows(sweep: Sweep, progress: Progress) -> Iterator[Event]:
    of_cutoff = gettext("Started by the cutoff.") if sweep.scheduled_for else gettext("Started by a command.")
    user = sweep.started_by
    yield sweep.started_at, gettext("Started by %(user)s.") % {"user": user} if user else of_cutoff
    chunks = sweep.chunks.aggregate(all=Count("pk"), done=Count("done_at"), last=Max("done_at"))
    if sweep.planned_at:
        yield sweep.planned_at, gettext("Planned: chunks %(count)s.") % {"count": number(chunks["all"])}
    if chunks["last"]:
        counts = {"done": chunks["done"], "all": chunks["all"], "decided": progress.decided}
        text = gettext("Chunks done: %(done)s of %(all)s. Decided: %(decided)s.")
        yield chunks["last"], text % {name: number(count) for name, count in counts.items()}
    left = {"count": number(progress.left)}
    if progress.expired and progress.left and sweep.expires_at:
        yield sweep.expires_at, gettext("Expired. Left pending: %(count)s.") % left
    if sweep.closed_at:
        closed = gettext("Closed. Left pending: %(count)s.") % left
        yield sweep.closed_at, closed if progress.left else gettext("Finished.")


def _of_history(sweep: Sweep) -> Iterator[Event]:
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Sweep), object_id=str(sweep.pk))
    for entry in entries.select_related("user").order_by("pk"):
        yield entry.action_time, f"{entry.user}: {entry.get_change_message()}"


def takers(sweep: Sweep, since: datetime, until: datetime) -> list[tuple[Sweep, int]]:
    """Return the other sweeps that decided rows at or below the sweep's highest id between two instants, with counts.

    The rows can have been decided before this sweep started: its page can have been open for an hour.
    """
    decided = chunks_of_others(sweep, since, until).filter(decided__gt=0).values_list("sweep", "decided")
    counts: dict[int, int] = {}
    for pk, count in decided:
        counts[pk] = counts.get(pk, 0) + count
    return [(taker, counts[taker.pk]) for taker in Sweep.objects.filter(pk__in=counts).order_by("pk")]
