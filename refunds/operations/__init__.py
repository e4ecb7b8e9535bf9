"""The use cases. Each takes `now` (aware) and reads no clock; each changes rows first and sends messages after."""

from datetime import timedelta
from typing import Final

# How long a message is trusted to be on its way before the reconciler sends another. Longer than a task may run
# (90 s), so that work in hand is not sent twice; doubled messages would be harmless, but not free.
PATIENCE: Final = timedelta(seconds=120)
