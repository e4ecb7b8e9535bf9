"""Restore beat's rows in the database to the declared schedule.

Import it only where the package django-celery-beat is installed: the program `celery beat` does, and the button of
the schedule's page.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from . import drift

logger = logging.getLogger(__name__)


class DeclaredEntry(ModelEntry):  # type: ignore[misc]  # its base has no types
    """Stores the entry's `expires` in its row; django-celery-beat ignores it (#280)."""

    @classmethod
    def _unpack_options(cls, **options: Any) -> dict[str, Any]:
        options = {**options, "expire_seconds": drift.expire_seconds(options)}
        unpacked: dict[str, Any] = super()._unpack_options(**options)
        return unpacked


def restore(name: str, entry: Mapping[str, Any]) -> PeriodicTask:
    """Write the entry, as in `beat_schedule`, to its row, and return the row. Raises any error of a wrong entry."""
    values = {**DeclaredEntry._unpack_fields(**entry), **drift.UNHINDERED, "description": drift.NOTE}
    return PeriodicTask.objects.update_or_create(name=name, defaults=values)[0]


class DeclaredScheduler(DatabaseScheduler):  # type: ignore[misc]  # its base has no types
    """Runs entries as the code declares them: it logs each difference in a declared entry's row, and restores the row.

    It compares at its start, whenever django-celery-beat's models are saved, and every five minutes. It disables an
    entry that the code no longer declares. It runs an entry that somebody added by hand, and logs the entry if it sends
    a task of this app. It deletes nothing.
    """

    Entry = DeclaredEntry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._reported: set[str] = set()
        super().__init__(*args, **kwargs)

    def all_as_schedule(self) -> dict[str, Any]:
        """Restore the rows, and return the enabled ones as entries.

        Read each row on its own: django-celery-beat reads all rows at once, and an unreadable one ends beat. Read all
        enabled rows: django-celery-beat leaves out some by their hour, and sends a missed entry at another hour.
        """
        self._put_back()
        self._look_for_undeclared()
        entries: dict[str, Any] = {}
        for name in self.Model.objects.filter(enabled=True).values_list("name", flat=True):
            try:
                entries[name] = self.Entry(self.Model.objects.get(name=name), app=self.app)
            except Exception:
                logger.exception("%s: its row cannot be read, and it is not sent; correct it in the admin", name)
        return entries

    def sync(self) -> None:
        """Write the last runs. Log a row that cannot be saved, and restore it if it is declared."""
        try:
            super().sync()
        except ValidationError:
            logger.exception("a row of the schedule cannot be saved; correct it in the admin")
            self._put_back()

    def _put_back(self) -> None:
        declared = self.app.conf.beat_schedule
        # Rows that django-celery-beat wrote need the note too: it identifies an entry that is no longer declared.
        self.Model.objects.filter(name__in=declared).exclude(description=drift.NOTE).update(description=drift.NOTE)
        found: dict[str, list[drift.Drift]] = {}
        for difference in drift.compare(declared):
            found.setdefault(difference.entry, []).append(difference)
        for name, differences in found.items():
            try:
                restore(name, declared[name])
            except Exception:
                logger.exception("schedule drift, not put back: %s", "; ".join(map(str, differences)))
            else:
                logger.warning("schedule drift, put back: %s", "; ".join(map(str, differences)))

    def _look_for_undeclared(self) -> None:
        reported = set()
        for row in drift.undeclared(self.app.conf.beat_schedule):
            line = drift.text(row)
            if row["description"] == drift.NOTE:
                # Clear the last run, as saving a disabled row does: if the entry is declared again, beat then does not
                # make up for missed runs.
                self.Model.objects.filter(name=row["name"]).update(enabled=False, last_run_at=None)
                logger.warning("%s any more: disabled", line)
            elif line not in self._reported:
                logger.warning("%s: it was added by hand, and runs", line)
            reported.add(line)
        self._reported = reported
