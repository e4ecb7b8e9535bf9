"""Store when beat last sent the reconciler's message, and when a worker last ran it."""

from django.db import models


class ReconcilerRun(models.Model):
    """The last run of the reconciler: the only row. While beat and a worker run, it is at most a minute old.

    Beat writes when it sends, and a worker when it runs: so the row tells which of the two is down. Celery 5.7's ping
    of beat (`beat_enable_remote_control`, off by default) would tell less, and a page would wait for the broker.
    """

    ran_at = models.DateTimeField(null=True)
    # When beat last sent the message, and when the first one since the last run.
    sent_at = models.DateTimeField(null=True)
    unanswered_since = models.DateTimeField(null=True)

    class Meta:
        # The row has no page of its own, so Django's permissions to view, add, change and delete have no use.
        default_permissions = ()

    def __str__(self) -> str:
        return f"reconciler: {self.ran_at}"
