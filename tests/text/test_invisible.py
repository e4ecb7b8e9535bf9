"""Invisible characters, by their properties and names."""

import sys
import unicodedata

import pytest

from refunds.text.invisible import invisible

# Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt): what a program shows nothing for.
IGNORABLE = [
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0x200B, 0x2010)),
    *(*range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0),
    *(*range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
]


@pytest.mark.parametrize("text", ["", "1001/1", "a b", "Zoë", "Zoe\u0308", "Київ", "東京", "☃", "\U0001f600", "İ", "ß"])
def test_visible_text_is_accepted(text: str) -> None:
    """Ordinary spaces, letters of any script, marks and symbols are visible."""
    assert invisible(text) is None


def test_first_invisible_character_is_named_with_its_position() -> None:
    """The position counts characters from 1; a character without a name is described."""
    assert invisible("ab\u200bc\u00ad") == (3, "U+200B (ZERO WIDTH SPACE)")
    assert invisible("\U0001f600\x07") == (2, "U+0007 (a control character)")
    assert invisible("\ue000") == (1, "U+E000 (private use)")


def test_every_control_and_format_character_is_invisible() -> None:
    """Categories Cc and Cf, surrogates, line separators and every space except the ordinary one are invisible."""
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}:
            assert (invisible(chr(code)) is None) == (chr(code) == " ")


def test_default_ignorable_code_points_are_invisible() -> None:
    """Variation selectors and Hangul fillers are invisible, although they are in categories of letters and marks."""
    assert [hex(code) for code in IGNORABLE if invisible(chr(code)) is None] == []
    assert invisible("\u2800") == (1, "U+2800 (BRAILLE PATTERN BLANK)")


def test_other_printable_characters_are_accepted() -> None:
    """The search by names finds no visible character."""
    refused = {code for code in range(sys.maxunicode + 1) if chr(code).isprintable() and invisible(chr(code))}
    assert refused - set(IGNORABLE) == {0x2800}
