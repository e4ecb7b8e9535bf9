"""Show values on pages in the page's language: numbers, amounts, instants, payments; and make columns of them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.text import format_lazy, slugify
from django.utils.translation import gettext, gettext_lazy, pgettext

from ..domain import cutoff
from ..gateways import gateway_class
from ..models import money
from .words import CITY, recorded


def url(opts: Any, page: str, *args: object) -> str:
    """Return the URL of an admin page of the model."""
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)


def in_zone(instant: datetime | None) -> str:
    """Return the instant in the cutoff's zone, to the second; a dash for None."""
    if instant is None:
        return "-"
    # Translators: the format of an instant, in the letters of Django's filter `date`.
    return formats.date_format(timezone.localtime(instant, cutoff.ZONE), pgettext("instant", "Y-m-d H:i:s"))


def number(count: int) -> str:
    """Return the number in the page's language: `1,234`."""
    return formats.number_format(count, force_grouping=True)


def sums(totals: Iterable[tuple[str, int, int]]) -> str:
    """Return counts and sums in the page's language: `3 of 37.50 GBP, 1 of 900 JPY`."""
    named = [
        gettext("%(count)s of %(amount)s") % {"count": number(count), "amount": money(total, currency)}
        for currency, count, total in totals
    ]
    return ", ".join(named) or gettext("none")


def secret_in(text: str) -> str | None:
    """Return what kind of secret of the configured gateway the text has in it, or None. Raises ImproperlyConfigured."""
    named = getattr(gateway_class(), "secret_in", None)
    return named(text) if named else None


def masked(payment: str) -> str:
    """Return the provider's id of a payment, or a note in place of a secret: an imported file can contain one."""
    try:
        return gettext("(a secret, not shown)") if secret_in(payment) else payment
    except ImproperlyConfigured as error:
        return gettext("(not shown: %(why)s)") % {"why": error}


def column(title: Any, shown: Callable[[Any], object]) -> Callable[..., Any]:
    """Return a column for an admin, which shows what `shown` returns for a row, or a dash.

    `title` can be lazy: then each page shows it in its own language.
    """

    @admin.display(description=title)
    def method(*args: Any) -> object:
        return shown(args[-1]) or "-"

    method.__name__ = name_of(title)
    return method


def name_of(title: Any) -> str:
    """Return the name of a column in the page's context and style sheet, which no language changes."""
    with recorded():
        return slugify(str(title))


def instant_column(field: str, title: Any) -> Callable[..., Any]:
    """Return the column that shows an instant of the row, in the cutoff's zone."""
    return column(format_lazy("{} ({})", title, CITY), lambda row: in_zone(getattr(row, field)))


amount_column = column(gettext_lazy("amount"), lambda row: money(row.amount_minor, row.currency))
id_column = column(gettext_lazy("id"), lambda row: row.pk)  # for a row whose primary key is another row's
