"""The sender of remote control: it says when the workers do not listen."""

import logging
from typing import Any

from celery.app.control import Control as Celerys

logger = logging.getLogger(__name__)


class Control(Celerys):
    """Celery's, for the app's argument `control`: `celery inspect`, `celery control` and Flower send by it."""

    def broadcast(self, command: str, *args: Any, **options: Any) -> Any:
        """Send a command to the workers; warn first where remote control is off, because then nobody answers."""
        if not self.app.conf.worker_enable_remote_control:
            logger.warning(
                "Remote control is off, and workers with these settings do not answer %r: set "
                "CELERY_WORKER_ENABLE_REMOTE_CONTROL=1 in the environment of the workers and of this command.",
                command,
            )
        return super().broadcast(command, *args, **options)
