"""The sender of remote control: it warns where the workers do not listen."""

import logging
from typing import Any

from celery.app.control import Control as Celerys

logger = logging.getLogger(__name__)


class Control(Celerys):
    """Celery's control with a warning, for the app's argument `control`; `celery inspect` and Flower use it."""

    def broadcast(self, command: str, *args: Any, **options: Any) -> Any:
        """Send a command to the workers. Warn first where remote control is off, because then no worker answers."""
        if not self.app.conf.worker_enable_remote_control:
            logger.warning(
                "Remote control is off, and workers with these settings do not answer %r: set "
                "CELERY_WORKER_ENABLE_REMOTE_CONTROL for the workers and for this command.",
                command,
            )
        return super().broadcast(command, *args, **options)
