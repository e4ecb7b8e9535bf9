"""Every text of a template is marked for translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import Lexer, TokenType

import refunds

PACKAGE = Path(str(refunds.__file__)).parent
TEMPLATES = sorted(path for path in PACKAGE.rglob("templates/**/*") if path.is_file())
# What is the same in each language, and why.
ALLOWED = {"python -m refunds import_returns FILE": "a command"}
# Attributes that browsers show or read out; and `value` of these inputs.
ATTRIBUTES = {"title", "alt", "aria-label", "placeholder"}
BUTTONS = {"submit", "button", "reset"}
# The text of a filter or of an argument, such as `|default:"none"` and `with label="Send"`; not of a comparison.
LITERAL = re.compile(r"""(?:\|(?P<filter>\w+):|\w=)(?P<quote>["'])(?P<text>.*?)(?P=quote)""")
# These filters take formats and names of pages.
NO_TEXT = {"admin_urlname", "date", "floatformat", "time"}
LETTER = re.compile(r"[^\W\d_]")


class Reader(HTMLParser):
    """Collects what a page shows or reads out, with its line."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []

    def handle_data(self, data: str) -> None:
        """Collect a text, unless it is a script or a style."""
        if self.cdata_elem is None:
            self.found += [(self.getpos()[0], data)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the texts in attributes."""
        shown = ATTRIBUTES | ({"value"} if tag == "input" and dict(attrs).get("type") in BUTTONS else set())
        self.found += [(self.getpos()[0], value or "") for name, value in attrs if name in shown]


def unmarked(template: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each literal with letters that a template shows as it is."""
    reader, marked = Reader(), False
    for token in Lexer(template).tokenize():
        name = token.contents.partition(" ")[0]
        if token.token_type == TokenType.BLOCK and name in {"blocktranslate", "endblocktranslate"}:
            marked = name == "blocktranslate"
        if token.token_type == TokenType.TEXT:
            reader.feed(re.sub(r"[^\n]", "", token.contents) if marked else token.contents)
        elif token.token_type != TokenType.COMMENT:
            reader.found += [
                (token.lineno or 0, found["text"])
                for found in LITERAL.finditer(token.contents)
                if found["filter"] not in NO_TEXT
            ]
    reader.close()
    for line, text in reader.found:
        words = " ".join(text.split())
        if LETTER.search(words) and words not in ALLOWED:
            yield line, words


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_template_has_no_unmarked_text(template: Path) -> None:
    """A text outside `translate` and `blocktranslate` would be English on every page."""
    found = list(unmarked(template.read_text("utf-8")))
    assert not found, "\n".join(f"{template.relative_to(PACKAGE)}:{line}: {text}" for line, text in found)


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ('<p class="a">{% translate "Send" %} {{ count }} %</p><script>let a;</script>', []),
        ("{% blocktranslate count n=n %}One{% plural %}{{ n }} rows{% endblocktranslate %}", []),
        ('<input type="hidden" value="key"><td>{{ day|date:"j" }}</td>{% if a == "b" %}{# note #}{% endif %}', []),
        ("<p>\n<b>Send</b> it</p>", [(2, "Send"), (2, "it")]),
        ('<input type="submit" value="Send {{ n }}"><img alt="Sums">', [(1, "Send"), (1, "Sums")]),
        ('{{ n|pluralize:\'is,are\' }}{% include "a" with label="Send" %}', [(1, "is,are"), (1, "Send")]),
    ],
)
def test_unmarked_text_is_found(template: str, found: list[tuple[int, str]]) -> None:
    """Text between tags, in attributes that are shown and in tags of the template language counts; codes do not."""
    assert sorted(unmarked(template)) == sorted(found)
