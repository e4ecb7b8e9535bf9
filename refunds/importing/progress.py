"""Show the progress of a long command, on a terminal only."""

from typing import Final

from django.core.management.base import OutputWrapper

_WIDTH: Final = 30
_CLEAR: Final = "\r\x1b[K"  # to the line's beginning, and erase it


class Progress:
    """Rewrites one line: a bar of `total` bytes and the rows, or only the rows if the total is 0."""

    def __init__(self, stream: OutputWrapper, total: int) -> None:
        self._stream = stream if stream.isatty() else None
        self._total = total

    def show(self, done: int, rows: int) -> None:
        """Draw the line again, with `done` bytes of the total and `rows` rows."""
        text = f"{rows:,} rows"
        if self._total:
            part = min(done / self._total, 1)
            text = f"[{'#' * round(part * _WIDTH):{_WIDTH}}] {part:4.0%}  {text}"
        self._write(f"{_CLEAR}{text}")

    def clear(self) -> None:
        """Erase the line, so that the command can write another."""
        self._write(_CLEAR)

    def _write(self, text: str) -> None:
        if self._stream is not None:
            # Leave out the line break and the colour that a command's standard error adds.
            self._stream.write(text, style_func=str, ending="")
            self._stream.flush()
