"""A day of returns with a moody payer: what every deployment has to make of it, to the row."""

from collections import Counter

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision, Status
from refunds.models import Refund, ReturnRequest, Sweep
from refunds.tasks import reconcile

from . import audit
from .payer import BUSY
from .stage import Stage

APPROVED, DECLINED, NEXT_DAY = 60, 30, 5


def day(stage: Stage) -> list[str]:
    """Sixty returns approved by the button and paid, thirty declined at 18:00, five of the next day left alone.

    A line for each thing that is not so.
    """
    stage.mail_every = 1
    stage.receive(APPROVED)
    stage.open()
    stage.press()
    stage.until("the press is done", lambda: Sweep.objects.filter(closed_at__isnull=False).exists())
    stage.receive(DECLINED)
    stage.until_cutoff()
    stage.receive(NEXT_DAY)
    stage.until_settled(lambda: audit.unsettled(stage.cutoff))
    # A result that somebody asks for comes back.
    reconcile.apply_async(ignore_result=False).get(timeout=60)
    return [*audit.problems(stage.cutoff, stage.received), *_counted(), *_paid_as_the_payer_said(), *_told(stage)]


def _counted() -> list[str]:
    counts = Counter(ReturnRequest.objects.values_list("status", flat=True))
    expected = {Status.APPROVED: APPROVED, Status.DECLINED: DECLINED, Status.REQUESTED: NEXT_DAY}
    sweeps = Counter(Sweep.objects.values_list("kind", flat=True))
    wrong = [] if counts == expected else [f"requests: {dict(counts)}"]
    return wrong if sweeps == {Decision.APPROVE: 1, Decision.DECLINE: 1} else [*wrong, f"sweeps: {dict(sweeps)}"]


def _paid_as_the_payer_said() -> list[str]:
    wrong = []
    for refund in Refund.objects.all():
        refused, broken = refund.pk % 10 == 0, refund.pk % 25 == 1
        busy = refund.pk % 4 == 1 and not broken
        expected = RefundStatus.FAILED if refused or broken else RefundStatus.SUCCEEDED
        # No kill and no lost message here: an attempt more than asked for is a message that was doubled.
        attempts = 2 if broken or busy else 1
        if (refund.status, refund.attempts) != (expected, attempts):
            wrong.append(f"refund {refund.pk}: {refund.status} after {refund.attempts} attempts, {refund.failure!r}")
        elif busy and refund.settled_at - refund.first_attempt_at < BUSY:  # type: ignore[operator]
            wrong.append(f"refund {refund.pk}: asked again before the payer was ready")
    return wrong


def _told(stage: Stage) -> list[str]:
    told = Counter(line.split("\t")[0] for line in stage.letters())
    expected = Counter(ReturnRequest.objects.filter(status=Status.APPROVED).values_list("customer_email", flat=True))
    return [] if told == expected else [f"mails besides one for each refund: {told - expected}, {expected - told}"]
