"""Define the error of a refused copy."""


class CannotCopy(Exception):
    """The copy is refused, and nothing was written. The message is one line with the cause and what to do."""
