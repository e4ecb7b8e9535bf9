"""Warn when a command of remote control is sent to workers that do not listen."""

import logging
from typing import Any

from celery.app.control import Control as Celerys

logger = logging.getLogger(__name__)


class Control(Celerys):
    """Warns before Celery's control sends a command. Pass it as the app's argument `control`, for Flower too."""

    def broadcast(self, command: str, *args: Any, **options: Any) -> Any:
        """Send a command to the workers. Warn first if remote control is off, because then no worker answers."""
        if not self.app.conf.worker_enable_remote_control:
            logger.warning(
                "Remote control is off, and workers with these settings do not answer %r: set "
                "CELERY_WORKER_ENABLE_REMOTE_CONTROL for the workers and for this command.",
                command,
            )
        return super().broadcast(command, *args, **options)
