"""Send the evening digest to the admins."""

from datetime import datetime

from django.conf import settings
from django.core.mail import mail_admins
from django.utils import formats, timezone
from django.utils.translation import gettext, override, pgettext

from .. import queries
from ..domain import cutoff
from ..domain.refunds import RefundStatus
from ..domain.returns import Decision
from ..models import Refund, ReturnRequest, money
from ..operations.decisions import preview


def send_digest(now: datetime) -> None:
    """Mail the admins which requests wait for the next cutoff, which refunds wait to be paid, and which have failed."""
    waiting = preview(Decision.APPROVE, now).totals
    unpaid = Refund.objects.filter(queries.UNPAID).count()
    under_way = Refund.objects.filter(queries.UNDER_WAY).count()
    failed = Refund.objects.filter(status=RefundStatus.FAILED).count()
    pending = ReturnRequest.objects.filter(queries.REQUESTED).count()
    declined_at = timezone.localtime(cutoff.upcoming(now), cutoff.ZONE)
    with override(settings.LANGUAGE_CODE):
        lines = [
            gettext("%(count)s waiting, %(amount)s") % {"count": count, "amount": money(total, currency)}
            for currency, count, total in waiting
        ] or [gettext("nothing waiting")]
        at = formats.date_format(declined_at, pgettext("digest", "d F H:i"))
        lines.append(gettext("declined at %(at)s unless approved before") % {"at": at})
        counts = {"unpaid": unpaid, "under_way": under_way, "failed": failed}
        text = gettext(
            "%(unpaid)s refunds to be paid, %(under_way)s under way at the payment provider, %(failed)s failed"
        )
        lines.append(text % counts)
        mail_admins(gettext("Returns: %(count)s pending") % {"count": pending}, "\n".join(lines))
