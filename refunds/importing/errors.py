"""What can be wrong with a file, and with a row of it."""

from dataclasses import dataclass, field


class BadFile(ValueError):
    """Nothing, or nothing more, can be read from the file; the message is one line for the person who sent it."""


class BadRow(ValueError):
    """One row cannot be a return request; the message is the reason, for the person who sent the file."""


@dataclass(frozen=True)
class Rejection:
    """A record that was not taken: the physical line (from 1) on which it starts, and why.

    `written`: its cells as they were, or one text where it has no cells (JSON, or CSV that cannot be cut into cells).
    None where it was too long to be held.
    """

    line: int
    reason: str
    written: tuple[str, ...] | str | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


# Characters of a value that a message quotes: enough to find it, short enough for a line of a terminal.
_QUOTED = 40


def shown(value: str) -> str:
    """The value as a message quotes it: cut, and with what a terminal would obey escaped."""
    return ascii(value if len(value) <= _QUOTED else f"{value[:_QUOTED]}...")
