"""Store wrong clocks, so that `health` on one host reports the clock of another host."""

from django.db import models
from django.utils.translation import gettext_lazy


class WrongClock(models.Model):
    """The clock of a host differed from the database's."""

    host = models.CharField(max_length=255, primary_key=True)
    # By the database's clock.
    seen_at = models.DateTimeField()
    # Seconds; below zero if the host's clock was behind.
    ahead = models.FloatField()

    class Meta:
        verbose_name = gettext_lazy("wrong clock")

    def __str__(self) -> str:
        return f"{self.host}: {self.ahead:+.0f} s"
