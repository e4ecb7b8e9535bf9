"""Add the room's columns, pages and permissions to the admin of refunds."""

from django.utils.translation import gettext_lazy

from ..admin.refunds import RefundAdmin
from ..admin.values import column
from . import pages
from .closing import second_receipts
from .forms import CORRECT, SETTLE


def _reason(refund: object) -> str:
    elsewhere = getattr(refund, "settled_elsewhere", None)
    return elsewhere.reason if elsewhere else ""


RefundAdmin.viewers += [CORRECT, SETTLE]
RefundAdmin.fields += [
    column(gettext_lazy("settled elsewhere"), _reason),
    column(gettext_lazy("second receipt"), lambda refund: ", ".join(second_receipts(refund))),
]
RefundAdmin.extra_urls.append(pages.urls)
RefundAdmin.extra_links.append(pages.links)
