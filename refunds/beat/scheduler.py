"""The scheduler `refunds.beat.scheduler:DeclaredScheduler`: rows in the database, held to the declared schedule.

It is django-celery-beat's (`refunds[beat]`), and is imported by nothing but beat.
"""

import logging
from typing import Any

from django.core.exceptions import ValidationError
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from . import drift

logger = logging.getLogger(__name__)


class DeclaredEntry(ModelEntry):  # type: ignore[misc]  # its base has no types
    """An entry whose expiry is not lost on the way into its row."""

    @classmethod
    def _unpack_options(cls, **options: Any) -> dict[str, Any]:
        options = {**options, "expire_seconds": drift.expire_seconds(options)}
        unpacked: dict[str, Any] = super()._unpack_options(**options)
        return unpacked


class DeclaredScheduler(DatabaseScheduler):  # type: ignore[misc]  # its base has no types
    """Entries that the code declares run as it declares them; what their rows said instead is logged and put back.

    That happens at the start, when django-celery-beat's models have been saved, and every five minutes. An entry that
    the code no longer declares is disabled. One that somebody added by hand runs, and is logged if it sends a task of
    this app. Nothing is deleted.
    """

    Entry = DeclaredEntry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._told: set[str] = set()
        super().__init__(*args, **kwargs)

    def all_as_schedule(self) -> dict[str, Any]:
        """The enabled rows as entries, put back first.

        Each is read by itself, whatever its hour: read together, as django-celery-beat does, one that cannot be read
        would end beat; and one that it leaves out for its hour would be made up for at another.
        """
        self._put_back()
        self._look_for_undeclared()
        entries: dict[str, Any] = {}
        for name in self.Model.objects.filter(enabled=True).values_list("name", flat=True):
            try:
                entries[name] = self.Entry(self.Model.objects.get(name=name), app=self.app)
            except Exception:
                logger.exception("%s: its row cannot be read, and it is not sent; mend it in the admin", name)
        return entries

    def sync(self) -> None:
        """Write what was sent last. A row that cannot be saved as it stands is logged; a declared one is put back."""
        try:
            super().sync()
        except ValidationError:
            logger.exception("a row of the schedule cannot be saved; mend it in the admin")
            self._put_back()

    def _put_back(self) -> None:
        declared = self.app.conf.beat_schedule
        # also where django-celery-beat wrote the row before: by this it is known, once it is declared no longer
        self.Model.objects.filter(name__in=declared).exclude(description=drift.NOTE).update(description=drift.NOTE)
        found: dict[str, list[drift.Drift]] = {}
        for difference in drift.compare(declared):
            found.setdefault(difference.entry, []).append(difference)
        for name, differences in found.items():
            try:
                values = self.Entry._unpack_fields(**declared[name])
                values |= {**drift.UNHINDERED, "description": drift.NOTE}
                self.Model.objects.update_or_create(name=name, defaults=values)
            except Exception:
                logger.exception("schedule drift, not put back: %s", "; ".join(map(str, differences)))
            else:
                logger.warning("schedule drift, put back: %s", "; ".join(map(str, differences)))

    def _look_for_undeclared(self) -> None:
        told = set()
        for row in drift.undeclared(self.app.conf.beat_schedule):
            line = drift.text(row)
            if row["description"] == drift.NOTE:
                # no last run, as a save of a disabled row does: declared again, it has nothing to make up for
                self.Model.objects.filter(name=row["name"]).update(enabled=False, last_run_at=None)
                logger.warning("%s any more: disabled", line)
            elif line not in self._told:
                logger.warning("%s: it was added by hand, and runs", line)
            told.add(line)
        self._told = told
