"""Define the settings of the rate limit on the payment provider."""

import os

# Calls to the payment provider over all workers, such as 50/s; empty for no limit. The wallet is in the database and
# needs no limit.
REFUNDS_GATEWAY_RATE = os.environ.get("REFUNDS_GATEWAY_RATE", "")
# The Redis that counts the calls. memory:// counts the calls of each process separately.
REFUNDS_LIMITER_URL = os.environ.get("REFUNDS_LIMITER_URL", "memory://")
