"""Rows as an operator meets them two minutes before the cutoff, the same on every run."""

from itertools import cycle
from typing import Any

from django.contrib.auth.models import User

from refunds import signals
from refunds.brakes.models import Pause
from refunds.frozen import freeze
from refunds.models import Chunk, Refund, ReturnRequest, WalletEntry
from refunds.notices import opt_outs
from refunds.notices.models import Notice
from refunds.notices.queries import OPTED_OUT
from refunds.operations import button, sweeps
from refunds.overview.models import ReconcilerRun

from ..factories import DAY, HOUR, MINUTE, NOON, PRESSED, make_requests

OPERATOR, PASSWORD = "operator", "correct horse"
GOODS = ("boots, too small", "kettle, too loud", "lamp, arrived broken", "scarf, wrong colour", "book, read it")
MORNING = NOON - 5 * HOUR
# What providers answer, and what they leave an operator to do.
FAILURES = ("the card was closed", "no such charge: correct the payment, or settle it elsewhere")


def make_demo() -> dict[str, Any]:
    """Fill empty tables. Return the id of a row of each model by the model's name, and of rows in other states."""
    user = User.objects.create_superuser(OPERATOR, password=PASSWORD)
    _returns(2, NOON - DAY, start=900)  # received before the last cutoff: can only be declined
    approved = _returns(24, MORNING, start=1001)
    done = _sweep(user, first=True)
    paid, failed, processing = approved[:14], approved[14:17], approved[17:20]
    _settle(paid, failed, processing)
    _returns(12, NOON, start=1101)
    running = _sweep(user, first=False)
    pending = _returns(30, NOON + HOUR, start=1201)
    ReconcilerRun.objects.create(ran_at=PRESSED, sent_at=PRESSED)
    refund = Refund.objects.get(pk=paid[0])
    signals.second_receipt.send(Refund, refund=refund, receipt="re_1002b", now=NOON)
    lifted = {"is_open": None, "lifted_at": NOON, "lifted_by": user}
    pause = Pause.objects.create(reason="Wrong books.", paused_at=NOON - HOUR, paused_by=user, **lifted)
    rows = {
        "pause": pause.pk,
        "returnrequest": pending[0],
        "refund": paid[1],
        "walletentry": paid[0],
        "sweep": done,
        "running": running,
    }
    return rows | {"failed": failed[0], "doubled": paid[0], "notice": paid[0], "optout": _notices(paid, failed)}


def _returns(count: int, at: Any, start: int) -> list[int]:
    """Make pending requests of several goods, customers and currencies; return their ids."""
    made = make_requests(count, received_at=at)
    for number, row, currency, reason in zip(
        range(start, start + count), made, cycle(("GBP", "EUR", "GBP")), cycle(GOODS)
    ):
        row.key, row.order_line, row.currency, row.reason = f"return-{number}", f"{number}/1", currency, reason
        row.amount_minor = 495 + number * 37 % 180 * 100
        row.customer, row.customer_email, row.payment = f"c-{number}", f"c-{number}@example.com", f"ch_{number}"
        row.received_at = row.requested_at = at + (number - start) * MINUTE
    columns = ["key", "order_line", "currency", "reason", "amount_minor", "customer", "customer_email", "payment"]
    ReturnRequest.objects.bulk_update(made, [*columns, "received_at", "requested_at"])
    return [row.pk for row in made]


def _sweep(user: User, *, first: bool) -> int:
    """Approve all, an hour after the requests came: the first sweep to its end, the other to its plan."""
    at = MORNING + HOUR if first else PRESSED - MINUTE
    sweep, _ = button.start_approve(key=str(first), frozen=freeze(), by=user, now=at)
    sweeps.plan_sweep(sweep.pk, at)
    for chunk in Chunk.objects.filter(sweep=sweep) if first else ():
        sweeps.decide_chunk(chunk.pk, at + MINUTE)
    return sweep.pk


def _settle(paid: list[int], failed: list[int], processing: list[int]) -> None:
    """Give refunds their outcomes: in the wallet, refused by the provider, accepted and not yet settled."""
    at = NOON - HOUR
    tried = {"attempts": 1, "first_attempt_at": at, "dispatched_at": at}
    for refund in Refund.objects.filter(pk__in=paid):
        values = {"status": "succeeded", "receipt": f"re_{refund.pk}", "settled_at": at, **tried}
        Refund.objects.filter(pk=refund.pk).update(**values)
        WalletEntry.objects.create(
            refund=refund, customer=f"c-{refund.pk}", amount_minor=refund.amount_minor, currency=refund.currency
        )
    for pk, failure in zip(failed, cycle(FAILURES)):
        Refund.objects.filter(pk=pk).update(status="failed", failure=failure, settled_at=at, **tried | {"attempts": 12})
    for pk in processing:
        Refund.objects.filter(pk=pk).update(status="processing", receipt=f"re_{pk}", accepted_at=at, **tried)


def _notices(paid: list[int], failed: list[int]) -> int:
    """Make notices of each status and two opt-outs; return the id of an opt-out."""
    opt_outs.opt_out("c-900@example.com", NOON)
    for pk in paid[:6]:
        Notice.objects.create(request_id=pk, status="sent", notified_of="succeeded", notified_at=NOON)
    for pk in failed:
        Notice.objects.create(request_id=pk, status="pending", due_at=PRESSED + HOUR)
    Notice.objects.create(request_id=paid[6], status="suppressed", reason=OPTED_OUT)
    return opt_outs.opt_out("c-901@example.com", NOON).pk


def make_long() -> dict[str, int]:
    """Make a pending request and a failed refund whose texts are as long as they can be, without a space."""
    at = NOON + 2 * HOUR
    texts: dict[str, Any] = {"order_line": "W" * 64, "customer": "w" * 64, "reason": "m" * 300, "payment": "p" * 255}
    texts["customer_email"] = f"{'e' * 64}@example.com"
    (approved,) = make_requests(received_at=at, status="approved", **texts)
    failed = {"status": "failed", "failure": "f" * 300, "earlier_payments": "p" * 255, "settled_at": at}
    Refund.objects.filter(pk=approved.pk).update(**failed)
    (pending,) = make_requests(received_at=at, amount_minor=10**14, **texts)
    return {"long": pending.pk, "long_refund": approved.pk}
