"""Define the settings of look-ups."""

from ..apps import LABEL

# Look-ups call the payment provider, as payments do, so they use the same queue.
TASK_ROUTES = {f"{LABEL}.look_up_refund": {"queue": "payments"}}
