"""Schedule files of Celery's own beat scheduler, kept in memory."""

from __future__ import annotations

import pickle
from typing import Any

from celery.beat import PersistentScheduler


class Shelf(dict[str, Any]):
    """A schedule file without a file: what was synced survives the beat, the rest does not."""

    def __init__(self, disk: dict[str, bytes], filename: str) -> None:
        super().__init__(pickle.loads(disk[filename]) if filename in disk else {})  # noqa: S301
        self._disk = disk
        self._filename = filename

    def sync(self) -> None:
        self._disk[self._filename] = pickle.dumps(dict(self))
        # Beat goes on with what it reads back, as from a shelf with `writeback`: what does not survive is lost at once.
        self.update(pickle.loads(self._disk[self._filename]))  # noqa: S301

    def close(self) -> None:
        self.sync()


class Shelves:
    """Stands for the `shelve` module in `PersistentScheduler`."""

    def __init__(self) -> None:
        self.disk: dict[str, bytes] = {}

    def open(self, filename: str, **_options: Any) -> Shelf:
        return Shelf(self.disk, filename)

    def scheduler(self) -> type[Any]:
        """Celery's default scheduler, its file in memory: syncs to a disk would take most of a year's run."""
        return type("PersistentScheduler", (PersistentScheduler,), {"persistence": self, "__module__": __name__})
