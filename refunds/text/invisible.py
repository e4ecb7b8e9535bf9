"""Find invisible characters, which make two texts differ that look the same."""

import re
import unicodedata
from typing import Final

# Characters that are printable by category but blank: Unicode's Default_Ignorable_Code_Point, which unicodedata lacks,
# and the Braille pattern without dots. Find them by name, because names never change.
_BLANK: Final = re.compile(
    r"HANGUL (\w+ )?FILLER|HALFWIDTH HANGUL FILLER|(FREE )?VARIATION SELECTOR|GRAPHEME JOINER|VOWEL INHERENT|"
    "PATTERN BLANK"
)
_FIRST_BLANK: Final = "\u034f"  # no lower character has such a name
# Categories whose characters have no name in Unicode.
_NAMELESS: Final = {"Cc": "a control character", "Cs": "half a surrogate pair", "Co": "private use", "Cn": "unassigned"}


def invisible(text: str) -> tuple[int, str] | None:
    """Return the position (from 1) and the description of the first invisible character, or None.

    These characters count as invisible: control and format characters (categories Cc and Cf), surrogates, private and
    unassigned code points, line separators, spaces except the ordinary one, and characters that are blank by name.
    """
    if text.isprintable() and (text.isascii() or max(text) < _FIRST_BLANK):  # nearly every text
        return None
    for position, character in enumerate(text, start=1):
        name = unicodedata.name(character, "")
        if not character.isprintable() or (character >= _FIRST_BLANK and _BLANK.search(name)):
            return position, f"U+{ord(character):04X} ({name or _NAMELESS[unicodedata.category(character)]})"
    return None
