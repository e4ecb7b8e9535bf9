"""Stripe's events, signed and posted as Stripe does. Stripe's client of 15.0 only verifies a signature.

https://docs.stripe.com/webhooks#verify-manually
"""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from django.test import Client

from ..factories import NOON

SECRET = "whsec_not_to_be_logged"
PATH = "/payments/stripe/"


def signature_header(body: str, secret: str, at: int) -> str:
    """The header `Stripe-Signature` of a body that was signed at `at`, in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def event(
    reference: str, status: str = "failed", kind: str | None = "refund.updated", receipt: object = "re_1"
) -> dict[str, Any]:
    """An event of Stripe's about a refund."""
    refund = {"id": receipt, "object": "refund", "status": status, "metadata": {"refund": reference}}
    return {"id": "evt_1", "object": "event", "type": kind, "data": {"object": refund}}


def deliver(body: str | bytes, signature: str | None = None) -> int:
    """Post the body from anywhere: no cookie, and nothing is waived."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    headers = {} if signature is None else {"stripe-signature": signature}
    response = client.post(PATH, body, content_type="application/json", headers=headers)
    assert response.cookies == {}
    return response.status_code


def signed(body: str, secret: str = SECRET, at: datetime = NOON) -> str:
    """Stripe's signature of the body."""
    return signature_header(body, secret, int(at.timestamp()))


def post(event: object) -> int:
    """Post the event as Stripe does; the status of the answer."""
    body = json.dumps(event)
    return deliver(body, signed(body))
