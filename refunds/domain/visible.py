"""Text that people type: each character must be one that a reader can see."""

import unicodedata
from typing import Final

# Letters and a symbol by their category, and blank in every font.
BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def invisible(text: str, *, line_breaks: bool = False) -> str | None:
    """Name the first character that cannot be seen, and its position from 1; None where there is none.

    Spaces are allowed, and line breaks where the caller says so.
    """
    for position, character in enumerate(text, start=1):
        if line_breaks and character in "\r\n":
            continue
        if not character.isprintable() or character in BLANK:
            name = unicodedata.name(character, "a control character")
            return f"U+{ord(character):04X} ({name}) at position {position}"
    return None
