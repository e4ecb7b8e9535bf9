"""What operations raise; nothing was changed. Errors keep their arguments, so that a worker's child can pickle them."""


class UnknownRow(LookupError):
    """An id that no row has, with the kind of row: the message names a row that was rolled back or deleted."""

    def __str__(self) -> str:
        kind, row_id = self.args
        return f"there is no {kind} {row_id}; nothing was changed"


class BadInput(ValueError):
    """A value that an operator entered and that cannot be used. The text says why and what to do, without secrets."""


class BadArgument(TypeError):
    """A task's argument of the wrong shape: its name and value."""

    def __str__(self) -> str:
        name, value = self.args
        return f"{name} must be a positive integer of 64 bits, not {str(value)[:80]!r}; nothing was changed"


class ClocksDiffer(Exception):
    """The process's clock is too far from the database's to act on a cutoff. The text says what to do."""
