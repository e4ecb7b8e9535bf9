"""Settings of the look-ups of refunds that a payment provider settles later."""

from ..apps import LABEL

# Look-ups call the payment provider, as payments do, and so wait in the same queue.
TASK_ROUTES = {f"{LABEL}.look_up_refund": {"queue": "payments"}}
