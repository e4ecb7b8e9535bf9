"""The app with short waits, for processes of tests whose clock is the machine's."""

import sys
from datetime import timedelta

import django
from celery import Celery

import refunds.operations
from refunds.domain.retries import RetryPolicy

# What takes the constants from the two modules above when it is imported, or from what is set below.
TOO_LATE = ("refunds.project.settings", "refunds.operations.payments")


def app(*, patience: timedelta, limit: timedelta, lease: timedelta, look: timedelta, policy: RetryPolicy) -> Celery:
    """The Celery app, with Django set up and these waits in place of its own.

    `limit` is pay_refund's time limit, `look` is RECONCILE_EVERY. Everything else is as it ships. Raises RuntimeError
    where the app has been loaded before.
    """
    if loaded := [name for name in TOO_LATE if name in sys.modules]:
        raise RuntimeError(f"{', '.join(loaded)} is imported already: shorten the waits first")
    vars(refunds.operations).update(PATIENCE=patience, RECONCILE_EVERY=look)

    from celery_app import app as celery

    django.setup()

    from refunds.operations import payments

    vars(payments).update(LEASE=lease, POLICY=policy)
    pay_refund = celery.tasks["refunds.pay_refund"]
    # As tasks.py makes them of these constants.
    pay_refund.default_retry_delay = int(lease.total_seconds())
    pay_refund.max_retries = policy.max_attempts
    pay_refund.soft_time_limit, pay_refund.time_limit = None, int(limit.total_seconds())
    return celery
