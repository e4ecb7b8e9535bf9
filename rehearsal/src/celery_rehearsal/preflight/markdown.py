"""Text in a table of Markdown."""

from __future__ import annotations


def cell(text: str) -> str:
    """Return a text that ends no cell."""
    return text.replace("|", r"\|").replace("\n", " ")


def code(text: str) -> str:
    """Return a cell that is shown as code."""
    return f"`{cell(text)}`"
