"""What we add to a call to Stripe: `python -m benchmarks.run pay_refund [CALLS]`.

Against a provider that answers at once, by turns: Stripe's client alone; the same call through the gateway; a refund
paid by the operation, with its attempt committed before and its receipt after; and by the task, as a worker calls it.
On a SQLite file that is removed again.
"""

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import stripe
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from refunds.demo import scratch_database
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision
from refunds.gateways import Order, gateway
from refunds.models import Refund, ReturnRequest
from refunds.operations.decisions import decide_chosen
from refunds.operations.payments import pay_refund
from refunds.tasks import pay_refund as task

from .measure import Real, Times, table

ROUNDS = 5
SETTINGS = {"REFUNDS_GATEWAY": "stripe", "REFUNDS_GATEWAY_RATE": "", "STRIPE_API_KEY": "sk_test_x"}


@contextmanager
def provider() -> Generator[str]:
    """The address of a provider in another process."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stripe_at_once"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101  # asked for above
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


def main(calls: int) -> None:
    """Print a table of milliseconds a call."""
    with provider() as address, scratch_database(), override_settings(STRIPE_API_BASE=address, **SETTINGS):
        print(_table(calls, _measure(calls)))


def _measure(calls: int) -> dict[str, list[float]]:
    share = max(1, calls // ROUNDS)
    client = stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        http_client=stripe.RequestsClient(timeout=settings.STRIPE_TIMEOUT),
        max_network_retries=0,
    )
    pays = gateway()
    kinds: dict[str, Callable[[Refund], object]] = {
        "Stripe's client": lambda refund: client.v1.refunds.create(
            {"charge": f"ch_{refund.pk}", "amount": refund.amount_minor}, {"idempotency_key": f"alone-{refund.pk}"}
        ),
        "gateway": lambda refund: pays.refund(_order(refund), f"gateway-{refund.pk}"),
        "operation": lambda refund: pay_refund(refund.pk, timezone.now(), gateway=pays, jitter=0.5),
        "task": lambda refund: task.apply(kwargs={"refund_id": refund.pk}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(ROUNDS + 1):
        for name, call in kinds.items():
            refunds = _refunds(share)
            began = Real.clock()
            for refund in refunds:
                call(refund)
            if turn:  # the first warms up
                seconds[name].append((Real.clock() - began) / share)
    if (unpaid := Refund.objects.filter(status=RefundStatus.PENDING).count()) != 2 * (ROUNDS + 1) * share:
        raise RuntimeError(f"{unpaid:,} refunds are unpaid: the operation and the task did not pay theirs")
    return seconds


def _refunds(count: int) -> list[Refund]:
    """Approved refunds that are due, each of a charge of its own."""
    now = timezone.now()
    rows = ReturnRequest.objects.bulk_create(
        ReturnRequest(
            order_line="1/1", quantity=1, amount_minor=1250, currency="GBP", payment="ch_1",
            requested_at=now, received_at=now,
        )
        for _ in range(count)
    )  # fmt: skip
    ids = [row.pk for row in rows]
    decide_chosen(ids, Decision.APPROVE, by=None, note="", now=now)
    return list(Refund.objects.select_related("request").filter(pk__in=ids))


def _order(refund: Refund) -> Order:
    return Order(
        refund_id=refund.pk, amount_minor=refund.amount_minor, currency=refund.currency, customer="",
        payment=refund.request.payment, reference=refund.request.key, asked_before=False,
    )  # fmt: skip


def _table(calls: int, seconds: dict[str, list[float]]) -> str:
    alone = Times(seconds["Stripe's client"]).median
    lines = [["", "ms a call", "least to most", "adds", "÷ client"]]
    for name, found in seconds.items():
        times = Times(found)
        lines.append(
            [
                name,
                f"{times.median * 1_000:.2f}",
                f"{min(found) * 1_000:.2f} to {max(found) * 1_000:.2f}",
                f"{(times.median - alone) * 1_000:.2f} ms",
                f"{times.median / alone:.2f}",
            ]
        )
    return table(f"A refund through Stripe, {calls:,} of each by turns", lines)
