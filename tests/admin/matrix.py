"""The tables of docs/admin.md and docs/notices.md as data: each request, who opens it, how each user is answered."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.admin import site
from django.urls import URLPattern, URLResolver

DOCS = Path(__file__).parents[2] / "docs"
# The core's table, and that of the room with pages of its own.
PAGES = (DOCS / "admin.md", DOCS / "notices.md")
HEADER = ["request", "opened by", "outside", "staff", "opened", "superuser"]
NOTHING = "\N{EN DASH}"
# The answer to "opened by" of the page that lists the models of an app: whatever opens something of it.
ANY = "any named here"
_REQUEST = re.compile(r"(?P<methods>(?:(?:GET|POST) )+)(?P<addresses>`[^`]+`(?:, `[^`]+`)*)(?:: (?P<what>.+))?")
_NAME = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Asked:
    """A request of the table: method, address with placeholders, what the form says, and the cells of its row.

    `opened_by` has the sets of permissions of which each opens it alone.
    """

    method: str
    address: str
    what: str
    opened_by: frozenset[frozenset[str]]
    cells: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.method} {self.address} {self.what}".strip()

    @property
    def model(self) -> str:
        """The model that the address is below, if any."""
        return "" if self.address.startswith("/") else self.address.partition("/")[0]

    @property
    def action(self) -> str:
        """The action that the form chooses, if any."""
        found = _NAME.match(self.what)
        return found[1] if found else ""

    def expected(self, kind: str) -> str:
        """The cell of the kind of user."""
        return dict(self.cells)[kind]

    def path(self, names: dict[str, Any]) -> str:
        """The address with names in place of the placeholders: `<id>` is the id of the model's row."""
        path = self.address if self.address.startswith("/") else f"/admin/{labels()[self.model]}/{self.address}"
        for name, value in {**names, "id": names.get(self.model, names["id"])}.items():
            path = path.replace(f"<{name}>", str(value))
        return path


def requests() -> list[Asked]:
    """Every request of the table, those for `<model>` once for each registered model without a row of its own."""
    rows = [asked for page in PAGES for cells in _rows(page) for asked in _of_row(cells)]
    own = {str(asked) for asked in rows}
    general = [asked for asked in rows if asked.model == "<model>"]
    expanded = [_for_model(asked, model) for asked in general for model in models()]
    found = [asked for asked in rows if asked.model != "<model>"]
    found += [asked for asked in expanded if str(asked) not in own]
    anything = frozenset({ANY})
    return [_replaced(asked, opened_by=_any(found, asked)) if anything in asked.opened_by else asked for asked in found]


def _any(found: list[Asked], page: Asked) -> frozenset[frozenset[str]]:
    """The permissions that open something of the app or room that the page lists."""
    of_app = [asked for asked in found if f"/admin/{labels().get(asked.model)}/" == page.address]
    return frozenset(one for asked in of_app for one in asked.opened_by if len(one) == 1)


def models() -> list[str]:
    """The models of the app and its rooms that the admin shows."""
    return list(labels())


def labels() -> dict[str, str]:
    """The label of the app or room of each of these models."""
    shown = (model._meta for model in site._registry if model._meta.app_label.startswith("refunds"))
    return {opts.model_name or "": opts.app_label for opts in shown}


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Every route below, as `resolve` names it."""
    for pattern in patterns:
        route = before + (str(pattern.pattern).removeprefix("^") if before else str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


def _rows(page: Path) -> list[list[str]]:
    section = page.read_text("utf-8").partition("\n## Who may do what\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    header, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert header == HEADER
    assert set(rule) == {"-"}
    return rows


def _of_row(cells: list[str]) -> Iterator[Asked]:
    parsed = _REQUEST.fullmatch(cells[0])
    assert parsed, f"the table has a request that cannot be read: {cells[0]!r}"
    assert len(cells) == len(HEADER), f"{cells[0]}: {len(cells)} cells"
    answers = tuple(zip(HEADER[2:], cells[2:], strict=True))
    for method in parsed["methods"].split():
        for address in _NAME.findall(parsed["addresses"]):
            yield Asked(method, address, parsed["what"] or "", _openers(cells[1]), answers)


def _openers(cell: str) -> frozenset[frozenset[str]]:
    if cell in {NOTHING, ANY}:
        return frozenset() if cell == NOTHING else frozenset({frozenset({ANY})})
    found = {frozenset(_NAME.findall(alternative)) for alternative in cell.split(", ")}
    # To Django, who may change a row may look at it.
    return frozenset(found | {frozenset(name.replace("view_", "change_") for name in one) for one in found})


def _replaced(asked: Asked, **columns: Any) -> Asked:
    return Asked(**{**vars(asked), **columns})


def _for_model(asked: Asked, model: str) -> Asked:
    cells = tuple((kind, cell.replace("<model>", model)) for kind, cell in asked.cells)
    return _replaced(asked, address=asked.address.replace("<model>", model), cells=cells)
