"""What an operation says of input that names nothing."""


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
