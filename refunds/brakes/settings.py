"""Define the settings of this room."""

from ..apps import LABEL

# The shortest queue: an undo does not wait behind approvals or payments.
TASK_ROUTES = {f"{LABEL}.undo_chunk": {"queue": "reconciling"}}
