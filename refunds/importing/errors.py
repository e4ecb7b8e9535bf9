"""Define the errors of a file, and of one of its rows."""

from dataclasses import dataclass, field


class BadFile(ValueError):
    """The file cannot be read, or not to its end; the message is one line for the person who sent it."""


class BadRow(ValueError):
    """The row cannot become a return request; the message is the reason, for the person who sent the file."""


@dataclass(frozen=True)
class Rejection:
    """Hold a rejected record: the physical line (from 1) on which it starts, and the reason.

    `written` has its cells unchanged, or one text if it has no cells (JSON, or CSV that cannot be cut into cells). It
    is None if the record was too long to keep.
    """

    line: int
    reason: str
    written: tuple[str, ...] | str | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


# Characters of a value in a message: enough to find the value, few enough for one line of a terminal.
_QUOTED = 40


def shown(value: str) -> str:
    """Return the value for a message: cut, and with control characters escaped."""
    return ascii(value if len(value) <= _QUOTED else f"{value[:_QUOTED]}...")
