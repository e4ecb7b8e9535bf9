"""Define the settings of the Stripe gateway. Set REFUNDS_GATEWAY to "stripe" to pay by it."""

import os

# Only the gateway reads the key, and passes it only to Stripe's client.
STRIPE_API_KEY = os.environ.get("STRIPE_API_KEY", "")
STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "https://api.stripe.com")
# The signing secret of the webhook endpoint at Stripe (whsec_…), or several separated by white space while one replaces
# another. Only the web process reads it. Without a secret, the webhook answers 404.
STRIPE_WEBHOOK_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
# Seconds to connect, and again between two bytes of the answer. An attempt makes at most two calls that succeed and one
# that does not, within pay_refund's time limit of 50 seconds.
STRIPE_TIMEOUT = float(os.environ.get("STRIPE_TIMEOUT", "15"))
# Calls for REFUNDS_GATEWAY_RATE. Stripe allows an account 100 a second in all, and 25 in a sandbox
# (https://docs.stripe.com/rate-limits). This leaves half of them to other systems that use the account.
RATE = "50/s"
