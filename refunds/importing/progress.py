"""How far a long command is, on a terminal and nowhere else."""

from typing import Final

from django.core.management.base import OutputWrapper

_WIDTH: Final = 30
_CLEAR: Final = "\r\x1b[K"  # to the line's beginning, and erase it


class Progress:
    """One line that is written over and over: a bar of `total` bytes, or rows alone where the total is not known."""

    def __init__(self, stream: OutputWrapper, total: int) -> None:
        self._stream = stream if stream.isatty() else None
        self._total = total

    def show(self, done: int, rows: int) -> None:
        """Draw the line anew: `done` bytes of the total, `rows` rows."""
        text = f"{rows:,} rows"
        if self._total:
            part = min(done / self._total, 1)
            text = f"[{'#' * round(part * _WIDTH):{_WIDTH}}] {part:4.0%}  {text}"
        self._write(f"{_CLEAR}{text}")

    def clear(self) -> None:
        """Make room for a line of another kind."""
        self._write(_CLEAR)

    def _write(self, text: str) -> None:
        if self._stream is not None:
            # Neither the line break nor the red that a command's standard error adds.
            self._stream.write(text, style_func=str, ending="")
            self._stream.flush()
