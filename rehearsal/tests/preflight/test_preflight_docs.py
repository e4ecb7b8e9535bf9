"""The pages of preflight say what the rules say, and their examples run."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal.preflight.declarations import Declared
from celery_rehearsal.preflight.registry import FAMILIES, RULES
from celery_rehearsal.preflight.suppressions import read_configuration

from .optional import needs_redis
from .programs import preflight
from .rule_pages import FOLDER, page, path

if TYPE_CHECKING:
    from pathlib import Path

INDEX = (FOLDER / "index.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The index page's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", INDEX, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("family", FAMILIES)
def test_page_of_a_family_has_what_explain_prints(family: str) -> None:
    """`python -m preflight.rule_pages` in `tests/` writes the page again."""
    assert path(family).read_text("utf-8") == page(family)


def test_index_names_each_rule_once() -> None:
    """In its tables, with its name and its level."""
    rows = re.findall(r"^\| (\w\d{3}) \| `([\w-]+)` \| (\w+) \| (.+) \|$", INDEX, flags=re.MULTILINE)
    expected = [(name, each.name, str(each.level), each.title) for name, each in sorted(RULES.items())]
    assert sorted(rows) == expected


def test_index_shows_what_the_command_prints(tmp_path: Path) -> None:
    """Its application, without and with its table, and its exit statuses."""
    (shop,) = blocks("python")
    table, _declarations = blocks("toml")
    before, after, _proof = blocks("text")
    (tmp_path / "shop.py").write_text(shop)
    done = preflight(tmp_path, "shop", "--format", "concise")
    assert (done.stdout, done.returncode) == (before, 1)
    (tmp_path / "pyproject.toml").write_text(table)
    repaired = shop.replace("shop.tasks.close", "shop.close")
    repaired = repaired.replace("=(OSError,)", "=(OSError,), default_retry_delay=10")
    (tmp_path / "shop.py").write_text(repaired)
    done = preflight(tmp_path, "shop", "--format", "concise")
    assert (done.stdout, done.returncode) == (after, 0)


@needs_redis
def test_index_shows_a_proof(tmp_path: Path) -> None:
    """Its timeline and its test, in the year of the page."""
    (shop,) = blocks("python")
    *_others, proof = blocks("text")
    (tmp_path / "shop.py").write_text(shop)
    done = preflight(tmp_path, "shop", simulates=True)
    first = done.stdout.partition("error: S001")[0].rstrip("\n") + "\n"
    assert re.sub(r"\b20\d\d-01-01", "2026-01-01", first) == proof


def test_index_declares_what_preflight_reads(tmp_path: Path) -> None:
    """Each key of the table that is not for findings or queues."""
    _table, declarations = blocks("toml")
    (tmp_path / "pyproject.toml").write_text(declarations)
    assert read_configuration(tmp_path).declared.simulate
    named = re.findall(r"^(\w+) = ", declarations, flags=re.MULTILINE)
    assert sorted(named) == sorted(each.name for each in fields(Declared))


def test_index_leads_to_each_page_of_preflight() -> None:
    """The README leads to the index."""
    others = [each.name for each in FOLDER.glob("*.md") if each.name != "index.md"]
    assert [name for name in others if f"({name})" not in INDEX and f"({name}#" not in INDEX] == []
