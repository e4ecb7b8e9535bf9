"""Filter lists by day, person, amount, sweep and code. No index serves these: bounded.Filter limits what they read."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils import formats
from django.utils.translation import gettext, gettext_lazy

from ..apps import LABEL
from ..domain.money import EXPONENTS
from .base import is_id
from .bounded import NO_ROW, SWEEP, Filter
from .dates import LONGEST, Dates, bounds, dates, parts_of
from .words import label

AMOUNT: Final = re.compile(r"\d{1,12}(\.\d{1,4})?", re.ASCII)
# The decimals of a currency that domain.money does not know, and of most that it knows.
USUAL: Final = 2


class _Input(Filter):
    """Ask for the value by a field of the type `field`."""

    template = f"admin/{LABEL}/filter_input.html"
    field: ClassVar = "text"

    def has_output(self) -> bool:
        """Show the field always."""
        return True

    def shown(self, value: str) -> str:
        """Return what the field shows of the value."""
        return value

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what the form needs: the value, and the other parameters of the address."""
        others = {name: one for name, one in changelist.get_filters_params().items() if name != self.parameter_name}
        others = {name: one[-1] if isinstance(one, list) else one for name, one in others.items()}
        yield {
            "value": self.shown(self.value() or ""),
            "chosen": self.value(),
            "others": others.items(),
            "reset": changelist.get_query_string({}, [self.parameter_name]),
        }


class DayFilter(_Input):
    """Filter by the day, in the cutoff's zone, of an instant of the row; also by a month or year: `2026-03`, `2026`."""

    title, parameter_name, field = gettext_lazy("day received"), "day", "date"
    instant: ClassVar = "received_at"

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows from midnight to midnight."""
        try:
            first, after = bounds(parts_of(value))
        except (ValueError, OverflowError):  # no date, or at the end of the calendar
            return NO_ROW
        return Q(**{f"{self.instant}__gte": first, f"{self.instant}__lt": after})

    def shown(self, value: str) -> str:
        """Override that shows a whole day: the field is for no month."""
        return value if len(parts_of(value)) == len(LONGEST) else ""

    def dates(self, request: HttpRequest, changelist: Any) -> Dates | None:
        """Return the dates to offer above the list; None for a list whose rows have no such instant themselves."""
        parameter = str(self.parameter_name)
        query = changelist.get_query_string
        return None if self.of_request else dates(request, changelist.model, parameter, self.instant, query)


class PersonFilter(Filter):
    """Filter by the user who acted. An address can have any user's id."""

    title, parameter_name = gettext_lazy("decided by"), "by"
    user: ClassVar = "decided_by"
    acted: ClassVar = "decided_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer oneself, nobody, and the chosen user."""
        offered = {"me": gettext("me"), "nobody": gettext("nobody: a cutoff or a command")}
        return [
            *offered.items(),
            *((one, gettext("user %(id)s") % {"id": one}) for one in [self.value()] if one and one not in offered),
        ]

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows of this user."""
        if value == "nobody":
            return Q(**{f"{self.user}__isnull": True, f"{self.acted}__isnull": False})
        pk = str(request.user.pk) if value == "me" else value
        return Q(**{self.user: int(pk)}) if is_id(pk) else NO_ROW


class SweepFilter(_Input):
    """Filter by the sweep that decided the request. Its rows lie between the ends of its chunks."""

    title, parameter_name, field = gettext_lazy("sweep"), SWEEP, "number"

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows of the sweep."""
        return Q(sweep=int(value)) if is_id(value) else NO_ROW


class AmountFromFilter(_Input):
    """Filter by the smallest amount, in major units of each row's own currency."""

    title, parameter_name, lookup = gettext_lazy("amount from"), "amount_from", "gte"

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows that reach the amount."""
        # As pages show amounts. Django's sanitize_separators keeps thousands apart unless a setting has pages do so.
        thousands, decimals = (formats.get_format(f"{name}_SEPARATOR") for name in ("THOUSAND", "DECIMAL"))
        value = re.sub(rf"{re.escape(thousands)}(?=\d{{3}}(?!\d))", "", "".join(value.split())).replace(decimals, ".")
        if not AMOUNT.fullmatch(value):
            return NO_ROW
        other = {code: decimals for code, decimals in EXPONENTS.items() if decimals != USUAL}
        found = ~Q(currency__in=list(other)) & self._reaching(value, USUAL)
        for decimals in sorted(set(other.values())):
            codes = [code for code in other if other[code] == decimals]
            found |= Q(currency__in=codes) & self._reaching(value, decimals)
        return found

    def _reaching(self, value: str, decimals: int) -> Q:
        minor = Decimal(value).scaleb(decimals)
        whole = int(minor.to_integral_value("ROUND_CEILING" if self.lookup == "gte" else "ROUND_FLOOR"))
        return Q(**{f"amount_minor__{self.lookup}": whole})


class AmountToFilter(AmountFromFilter):
    """Filter by the largest amount, in major units of each row's own currency."""

    title, parameter_name, lookup = gettext_lazy("amount to"), "amount_to", "lte"


class CodeFilter(Filter):
    """Filter by the code of a decline. It offers those of the setting; an address can have any other."""

    title, parameter_name = gettext_lazy("declined because"), "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the codes with their labels, and the chosen one even if the setting has it no longer."""
        chosen = [code for code in [self.value()] if code]
        return [(code, label(code)) for code in dict.fromkeys([*chosen, *settings.REFUNDS_DECLINE_CODES])]

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows with this code."""
        return NO_ROW if "\x00" in value else Q(decision_code=value)


class ReasonFilter(_Input):
    """Filter by a part of the customer's reason."""

    title, parameter_name = gettext_lazy("reason"), "reason"

    def matching(self, request: HttpRequest, value: str) -> Q:
        """Return the condition for the rows whose reason has the text in it, in any case."""
        return NO_ROW if "\x00" in value else Q(reason__icontains=value)


def adapted(filters: Iterable[type[Filter]], **columns: object) -> list[type[Filter]]:
    """Return the filters with other attributes."""
    return [type(one.__name__, (one,), columns) for one in filters]


AMOUNTS: Final = [AmountFromFilter, AmountToFilter]
DECISION: Final = [SweepFilter, DayFilter, PersonFilter]
# For a model whose rows have the id of their return request.
OF_REQUEST: Final = adapted(DECISION, of_request=True)
