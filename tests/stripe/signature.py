"""The header by which Stripe signs an event, made as its documentation says: Stripe's client of 15.0 only verifies.

https://docs.stripe.com/webhooks#verify-manually
"""

import hashlib
import hmac


def signature_header(body: str, secret: str, at: int) -> str:
    """The header `Stripe-Signature` of a body that was signed at `at`, in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
