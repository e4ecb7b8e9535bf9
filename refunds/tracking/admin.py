"""Add columns about look-ups to the page of a refund."""

from collections.abc import Callable
from datetime import datetime

from ..admin.base import column, in_zone
from ..admin.refunds import RefundAdmin
from ..domain import cutoff


def _shown(name: str) -> Callable[[object], str]:
    def read(refund: object) -> str:
        instant: datetime | None = getattr(getattr(refund, "look_up", None), name, None)
        return in_zone(instant) if instant else ""

    return read


RefundAdmin.fields += [
    column(f"next look-up ({cutoff.CITY})", _shown("look_at")),
    column(f"failed after it had succeeded ({cutoff.CITY})", _shown("reversed_at")),
]
