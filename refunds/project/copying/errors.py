"""What the copy refuses."""


class CannotCopy(Exception):
    """The copy cannot be made as asked: one line that names the cause and what to do. Nothing was written."""
