"""What an operation says of input that names nothing, and of a clock that is wrong."""

from datetime import datetime


class UnknownRow(LookupError):
    """An id that no row has: the message names a row that was never committed, or is gone."""

    def __init__(self, kind: str, row_id: int) -> None:
        super().__init__(kind, row_id)
        self.kind = kind
        self.row_id = row_id

    def __str__(self) -> str:
        return f"there is no {self.kind} {self.row_id}; nothing was changed"


class BadInput(ValueError):
    """A value that an operator entered and that cannot be used. The text says why and what to do; nothing was changed.

    It never repeats a secret.
    """


class BadArgument(TypeError):
    """A task's argument of the wrong shape."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(name, value)
        self.name = name
        self.value = value

    def __str__(self) -> str:
        return f"{self.name} must be a positive integer of 64 bits, not {str(self.value)[:80]!r}; nothing was changed"


class ClocksDiffer(Exception):
    """The process's clock and the database's are too far apart to act on a cutoff. `ahead` is in seconds."""

    def __init__(self, host: str, ours: datetime, database: datetime, ahead: float) -> None:
        super().__init__(host, ours, database, ahead)
        self.host = host
        self.ours = ours
        self.database = database
        self.ahead = ahead

    def __str__(self) -> str:
        way = "ahead of" if self.ahead > 0 else "behind"
        return (
            f"nothing was decided: the clock of {self.host} says {self.ours:%Y-%m-%d %H:%M:%S %Z} and the database's "
            f"{self.database:%Y-%m-%d %H:%M:%S %Z}; {self.host} is {abs(self.ahead):.0f} s {way} the database, more "
            "than REFUNDS_CLOCK_TOLERANCE. Set both clocks by NTP (chronyc tracking), then try again"
        )
