"""Find what a page in Ukrainian leaves in English: its words in Latin letters."""

import re
from html.parser import HTMLParser
from typing import Any, Final

# The attributes whose texts a user or a script reads.
_READ: Final = {
    *("alt", "aria-label", "placeholder", "title", "value"),
    *("data-closed", "data-connected", "data-lost", "data-said", "data-yours"),
}
_WORD: Final = re.compile(r"[a-z]{2,}")


class _Texts(HTMLParser):
    """Collects the texts between the tags, and those of attributes that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        kind = dict(attrs).get("type")
        self.found += [value for name, value in attrs if name in _READ and value and kind != "hidden"]


def latin(html: str) -> set[str]:
    """Return the words in Latin letters that a reader of the HTML meets, in small letters."""
    texts = _Texts()
    texts.feed(html)
    texts.close()
    return set(_WORD.findall(" ".join(texts.found).lower()))
