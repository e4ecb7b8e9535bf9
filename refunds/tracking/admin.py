"""Add columns about look-ups to the page of a refund."""

from collections.abc import Callable
from datetime import datetime

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from ..admin.refunds import RefundAdmin
from ..admin.values import column, in_zone
from ..admin.words import CITY


def _shown(name: str) -> Callable[[object], str]:
    def read(refund: object) -> str:
        instant: datetime | None = getattr(getattr(refund, "look_up", None), name, None)
        return in_zone(instant) if instant else ""

    return read


RefundAdmin.fields += [
    column(format_lazy("{} ({})", gettext_lazy("next look-up"), CITY), _shown("look_at")),
    column(format_lazy("{} ({})", gettext_lazy("failed after it had succeeded"), CITY), _shown("reversed_at")),
]
