"""Invisible characters: a text with one of them is another text, and looks the same."""

import re
import unicodedata
from typing import Final

# Printable by category but blank: Unicode's Default_Ignorable_Code_Point, which unicodedata lacks, and the Braille
# pattern without dots. Found by name, because names never change.
_BLANK: Final = re.compile(
    r"HANGUL (\w+ )?FILLER|HALFWIDTH HANGUL FILLER|(FREE )?VARIATION SELECTOR|GRAPHEME JOINER|VOWEL INHERENT|"
    "PATTERN BLANK"
)
_FIRST_BLANK: Final = "\u034f"  # no lower character has such a name
# Categories whose characters Unicode names by their code point alone.
_NAMELESS: Final = {"Cc": "a control character", "Cs": "half a surrogate pair", "Co": "private use", "Cn": "unassigned"}


def invisible(text: str) -> tuple[int, str] | None:
    """Return the position (from 1) and the description of the first invisible character, or None.

    Invisible are control and format characters (categories Cc and Cf), surrogates, private and unassigned code points,
    line separators, every space but the ordinary one, and printable characters that are blank by their name.
    """
    if text.isprintable() and (text.isascii() or max(text) < _FIRST_BLANK):  # nearly every text
        return None
    for position, character in enumerate(text, start=1):
        name = unicodedata.name(character, "")
        if not character.isprintable() or (character >= _FIRST_BLANK and _BLANK.search(name)):
            return position, f"U+{ord(character):04X} ({name or _NAMELESS[unicodedata.category(character)]})"
    return None
