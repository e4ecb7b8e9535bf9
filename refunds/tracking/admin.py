"""Add columns about look-ups to the page of a refund."""

from collections.abc import Callable
from datetime import datetime

from ..admin.base import column, in_zone
from ..admin.refunds import RefundAdmin


def _shown(name: str) -> Callable[[object], str]:
    def read(refund: object) -> str:
        instant: datetime | None = getattr(getattr(refund, "look_up", None), name, None)
        return in_zone(instant) if instant else ""

    return read


RefundAdmin.fields += [
    column("next look-up", _shown("look_at")),
    column("failed after it had succeeded", _shown("reversed_at")),
]
