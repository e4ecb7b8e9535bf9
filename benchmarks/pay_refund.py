"""What is added to a call to Stripe.

Against a provider that answers at once, by turns: Stripe's client alone; the same call through the gateway; a refund
paid by the operation, with its attempt committed before and its receipt after; and by the task, as a worker calls it.
On a SQLite file that is removed again.
"""

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import stripe
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision
from refunds.gateways import Order, gateway
from refunds.models import Refund, ReturnRequest
from refunds.operations.decisions import decide_chosen
from refunds.operations.payments import pay_refund
from refunds.project.demo import scratch_database
from refunds.tasks import pay_refund as task

from .measure import Real
from .report import Figure, Table

if TYPE_CHECKING:
    from .run import Options

CALLS = 2_000
ALONE = "Stripe's client"
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


def added(options: "Options") -> Table:
    """Milliseconds of a call in each round, beside Stripe's client."""
    share = max(1, min(options.rows or CALLS, CALLS) // options.rounds)
    with provider() as address, scratch_database(), override_settings(STRIPE_API_BASE=address, **SETTINGS):
        seconds = _measure(share, options.rounds)
    alone = seconds[ALONE]
    figures = [
        Figure(name, [1_000 * each for each in found], () if name == ALONE else [1_000 * each for each in alone], "ms")
        for name, found in seconds.items()
    ]
    return Table(f"A refund through Stripe, {share:,} of each in each round", figures)


def _measure(share: int, rounds: int) -> dict[str, list[float]]:
    client = stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        http_client=stripe.RequestsClient(timeout=settings.STRIPE_TIMEOUT),
        max_network_retries=0,
    )
    pays = gateway()
    kinds: dict[str, Callable[[Refund], object]] = {
        ALONE: lambda refund: client.v1.refunds.create(
            {"charge": f"ch_{refund.pk}", "amount": refund.amount_minor}, {"idempotency_key": f"alone-{refund.pk}"}
        ),
        "gateway": lambda refund: pays.refund(_order(refund), f"gateway-{refund.pk}"),
        "operation": lambda refund: pay_refund(refund.pk, timezone.now(), gateway=pays, jitter=0.5),
        "task": lambda refund: task.apply(kwargs={"refund_id": refund.pk}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(rounds + 1):
        for name, call in kinds.items():
            refunds = _refunds(share)
            began = Real.clock()
            for refund in refunds:
                call(refund)
            if turn:  # the first warms up
                seconds[name].append((Real.clock() - began) / share)
    if (unpaid := Refund.objects.filter(status=RefundStatus.PENDING).count()) != 2 * (rounds + 1) * share:
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
