"""Offer the years, months and days of a list's rows, as Django's date_hierarchy does, which reads the whole table."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple, cast

from django.core.cache import cache
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.utils import formats
from django.utils.translation import gettext, pgettext

from ..apps import LABEL
from ..domain import cutoff
from .base import is_id
from .bounded import BEFORE, SWEEP, looked_through

KEPT: Final = 60  # seconds in the cache: 100,000 rows take a tenth of a second
# The most days that a year, a month and a day have.
LONGEST: Final = (366, 31, 1)
Parts = tuple[int, ...]  # a year; a year and a month; or a year, a month and a day
Read = tuple[list[Parts], int | None]  # the days, and the id above which older rows wait
Link = tuple[str, str]  # title, and query or ""


class Dates(NamedTuple):
    """What leads to fewer rows, and what leads back."""

    back: Link | None
    choices: list[Link]


def parts_of(value: str) -> Parts:
    """Return the parts of `2026`, `2026-03` or `2026-03-29`; no parts of any other text, such as `2026-02-31`."""
    texts = value.split("-")
    if [len(text) for text in texts] != [4, 2, 2][: len(texts)] or not all(map(is_id, texts)):
        return ()
    parts = tuple(map(int, texts))
    try:
        _first(parts)
    except ValueError:
        return ()
    return parts


def _first(parts: Parts) -> date:
    year, month, day = (*parts, 1, 1)[: len(LONGEST)]
    return date(year, month, day)


def bounds(parts: Parts) -> tuple[datetime, datetime]:
    """Return the midnights (aware) at which the date begins and ends. Raises ValueError where there is no such date."""
    first = _first(parts)
    after = first + timedelta(days=LONGEST[len(parts) - 1])
    if len(parts) < len(LONGEST):
        after = after.replace(day=1)
    first_midnight, last_midnight = (datetime.combine(one, time(), cutoff.ZONE) for one in (first, after))
    return cutoff.in_utc(first_midnight), cutoff.in_utc(last_midnight)


def dates(request: HttpRequest, model: Any, parameter: str, instant: str, query: Callable[..., str]) -> Dates:
    """Return the dates to offer. `query` makes a query string of new and removed parameters, as a ChangeList does."""
    named = [request.GET.get(name, "") for name in (BEFORE, SWEEP)]
    key = ".".join([LABEL, "dates", model._meta.model_name, *(one if is_id(one) else "" for one in named)])
    days, older = cast(Read, cache.get_or_set(key, lambda: _read(request, model, instant), KEPT))
    chosen = parts_of(request.GET.get(parameter, ""))
    level = chosen or _start(days)
    within = sorted({day[: len(level) + 1] for day in days if day[: len(level)] == level})
    if len(chosen) == len(LONGEST):
        choices = [(_title(chosen), "")]
    else:
        choices = [(_title(parts), query({parameter: _text(parts)})) for parts in within]
    if older and not chosen:
        choices.append((gettext("earlier"), query({BEFORE: older + 1})))
    return Dates(_back(chosen, parameter, query), choices)


def _read(request: HttpRequest, model: Any, instant: str) -> Read:
    rows = model._default_manager.filter(looked_through(request, model)).order_by()
    day = TruncDate(instant, tzinfo=cutoff.ZONE)
    found = rows.annotate(day=day).values_list("day").annotate(count=Count("pk"))
    return [(day.year, day.month, day.day) for day, _ in found], request.looked_down_to  # type: ignore[attr-defined]  # kept by looked_through


def _start(days: Iterable[Parts]) -> Parts:
    """Return the parts that all days share, without the day: there the choice begins."""
    found = list(days)
    shared = {day[:1] for day in found}, {day[:2] for day in found}
    return next((same.pop() for same in reversed(shared) if len(same) == 1), ())


def _back(chosen: Parts, parameter: str, query: Callable[..., str]) -> Link | None:
    if not chosen:
        return None
    if above := chosen[:-1]:
        return _title(above), query({parameter: _text(above)})
    return gettext("All dates"), query({}, [parameter])


def _text(parts: Parts) -> str:
    return "-".join([f"{parts[0]:04}", *(f"{part:02}" for part in parts[1:])])


def _title(parts: Parts) -> str:
    if len(parts) == 1:
        return str(parts[0])
    # Translators: the format of a day without its year, in the letters of Django's filter `date`.
    form = pgettext("day", "F j") if len(parts) == len(LONGEST) else "YEAR_MONTH_FORMAT"
    return formats.date_format(_first(parts), form)
