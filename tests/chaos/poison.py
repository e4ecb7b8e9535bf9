"""An app whose gateway kills the worker that refunds one kind of payment: `celery -A tests.chaos.poison`."""

import os
import signal
import sys
from datetime import timedelta
from typing import Any

from celery.signals import task_postrun

from refunds.domain.retries import RetryPolicy
from refunds.gateways import Order, Settled

from .shortened import app as shortened

POISON = "poison"
# Each is a wait of up to five seconds: so often does Celery look whether a child of its pool has died.
ATTEMPTS = 2
SECOND = timedelta(seconds=1)

# A killed attempt is followed by the next as soon as its lease is over, by Celery's retry or by the reconciler.
app = shortened(patience=SECOND, limit=SECOND, lease=SECOND, look=SECOND, policy=RetryPolicy(max_attempts=ATTEMPTS))


class Payer:
    """A gateway that kills its process, which no time limit and no `except` prevents."""

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        """Pay, or end this process as the kernel does when memory is short."""
        _say(f"asked {order.refund_id}")
        if order.payment == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return Settled(f"paid-{order.refund_id}")


@task_postrun.connect
def say_status(*, sender: Any, kwargs: Any, **_newer: object) -> None:
    """Say how each run of pay_refund leaves its refund."""
    if sender.name == "refunds.pay_refund":
        from refunds.models import Refund

        _say(f"left {kwargs['refund_id']} {Refund.objects.get(pk=kwargs['refund_id']).status}")


def _say(line: str) -> None:
    # Celery has put a logger in the place of sys.stdout.
    print(line, file=sys.__stdout__, flush=True)
