"""Store when the reconciler last ran."""

from django.db import models


class ReconcilerRun(models.Model):
    """The last run of the reconciler: the only row. While beat and a worker run, it is at most a minute old."""

    ran_at = models.DateTimeField()

    class Meta:
        # The row has no page of its own, so Django's permissions to view, add, change and delete have no use.
        default_permissions = ()

    def __str__(self) -> str:
        return f"reconciler: {self.ran_at}"
