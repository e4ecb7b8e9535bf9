"""The beat program: a beat in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .beats import Beat
from .program import command_options, import_modules

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

    from .process import Active, Processes


class BeatProgram(Beat):
    """What `celery beat` does around its service."""

    def __init__(self, app: Celery, name: str, *, processes: Processes, **options: Any) -> None:
        self._processes = processes
        self.process = processes.new(worker=False)
        with self.active():
            if app.user_options.get("preload"):
                command_options(app, "beat")
            import_modules(app, processes)
            super().__init__(app, name, **options)

    def active(self) -> Active:
        """While entered, Celery's state is that of this beat's process."""
        return self._processes.active(self.process)

    def started(self, service: Any) -> Callable[[], None] | None:
        self._processes.logs.set_up()
        return super().started(service)

    def stop(self) -> None:
        with self.active():
            super().stop()

    def kill(self) -> None:
        with self.active():
            super().kill()
