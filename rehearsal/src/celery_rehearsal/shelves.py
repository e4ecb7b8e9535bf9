"""Schedule files of Celery's own beat scheduler, kept in memory."""

from __future__ import annotations

import shelve
from typing import Any

from celery.beat import PersistentScheduler


class Shelf(shelve.Shelf[Any]):
    """A schedule file without a file: what was synced survives the beat, the rest does not.

    Beat goes on with what it reads back from it, so what does not survive a pickle is lost at once.
    """

    def __init__(self, disk: dict[str, dict[bytes, bytes]], filename: str) -> None:
        self._kept = dict(disk.get(filename, {}))
        super().__init__(self._kept, writeback=True)
        self._disk = disk
        self._filename = filename

    def sync(self) -> None:
        super().sync()
        self._disk[self._filename] = dict(self._kept)

    def close(self) -> None:
        self.sync()

    def __del__(self) -> None:
        """A beat that was killed syncs nothing more."""


class Shelves:
    """Stands for the `shelve` module in `PersistentScheduler`."""

    def __init__(self) -> None:
        self.disk: dict[str, dict[bytes, bytes]] = {}

    def open(self, filename: str, **_options: Any) -> Shelf:
        return Shelf(self.disk, filename)

    def scheduler(self) -> type[Any]:
        """Celery's default scheduler, its file in memory: syncs to a disk would take most of a year's run."""
        return type("PersistentScheduler", (PersistentScheduler,), {"persistence": self, "__module__": __name__})
