"""The rows by which `health` on one host learns of a wrong clock on another."""

from django.db import models


class WrongClock(models.Model):
    """A host whose clock was found to differ from the database's."""

    host = models.CharField(max_length=255, primary_key=True)
    # By the database's clock.
    seen_at = models.DateTimeField()
    # Seconds; below zero the host's clock was behind.
    ahead = models.FloatField()

    def __str__(self) -> str:
        return f"{self.host}: {self.ahead:+.0f} s"
