"""Parse the rate of calls that the payment provider allows."""

import re
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

_PERIODS: Final = MappingProxyType({"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)})


class BadRate(ValueError):
    """The text is not a rate."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:40]!r} is not a rate: write calls per second, minute or hour, such as 50/s, 600/m, 9000/h"
        )


@dataclass(frozen=True)
class Rate:
    """At most `calls` calls (1 or more) in each `period`."""

    calls: int
    period: timedelta

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Return the rate in a text such as `50/s`, in the form of Celery's rate limits. Raises BadRate."""
        found = re.fullmatch(r"([1-9][0-9]{0,5})/([smh])", text.strip())
        if found is None:
            raise BadRate(text)
        return cls(int(found[1]), _PERIODS[found[2]])

    def within(self, time: timedelta) -> int:
        """Return how many evenly spaced calls fit into `time`; at least one."""
        return max(1, time * self.calls // self.period)
