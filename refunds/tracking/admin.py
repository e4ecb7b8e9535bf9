"""What the page of a refund shows of its look-ups."""

from ..admin.base import instant_column
from ..admin.refunds import RefundAdmin

RefundAdmin.fields += [
    instant_column("look_at", "next look-up"),
    instant_column("reversed_at", "failed after it had succeeded"),
]
