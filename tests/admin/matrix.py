"""The tables "Who may do what" in docs/ as data: each request, who opens it, and how each user is answered."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.contrib.admin import site
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver

from refunds import admin
from refunds.apps import LABEL

DOCS = Path(__file__).parents[2] / "docs"
# The core's table. Each room has one of its own on its page, where it has pages.
CORE = DOCS / "admin.md"
HEADING = "\n## Who may do what\n"
HEADER = ["request", "opened by", "outside", "staff", "opened", "superuser"]
NOTHING = "\N{EN DASH}"
# The answer to "opened by" of the page that lists the models of an app: whatever opens a page of one of them.
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
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.address} {self.what}".strip()

    def __or__(self, other: "Asked") -> "Asked":
        """Return the request with those who open it in either table."""
        assert self.cells == other.cells, f"{self} has different answers in two tables"
        return replace(self, opened_by=self.opened_by | other.opened_by)

    @property
    def model(self) -> str:
        """Return the model that the address is below, if any."""
        return "" if self.address.startswith("/") else self.address.partition("/")[0]

    @property
    def label(self) -> str | None:
        """Return the app of the model, if any."""
        return {opts.model_name: opts.app_label for opts in map(attrgetter("_meta"), site._registry)}.get(self.model)

    @property
    def action(self) -> str:
        """Return the action that the form chooses, if any."""
        found = _NAME.match(self.what)
        return found[1] if found else ""

    def path(self, names: dict[str, Any]) -> str:
        """Return the address with names in place of the placeholders: `<id>` is the id of the model's row."""
        path = self.address if self.address.startswith("/") else f"/admin/{self.label}/{self.address}"
        for name, value in {**names, "id": names.get(self.model, names["id"])}.items():
            path = path.replace(f"<{name}>", str(value))
        return path


def requests(models: list[str], *pages: Path) -> list[Asked]:
    """Return each request of these pages' tables, those for `<model>` once for each model without a row of its own."""
    rows: dict[str, Asked] = {}
    for asked in (asked for page in pages for cells in _rows(page) for asked in _of_row(cells)):
        rows[str(asked)] = rows[str(asked)] | asked if str(asked) in rows else asked
    found = {name: asked for name, asked in rows.items() if asked.model != "<model>"}
    for general in (asked for asked in rows.values() if asked.model == "<model>"):
        for asked in (_for_model(general, model) for model in models):
            found.setdefault(str(asked), asked)
    return [_opened_by_any(asked, found.values()) if {ANY} in asked.opened_by else asked for asked in found.values()]


def core_models() -> list[str]:
    """Return the models that the core's admin shows."""
    admins = {model._meta.model_name or "": type(shown).__module__ for model, shown in site._registry.items()}
    return [name for name, module in admins.items() if module.startswith(f"{admin.__name__}.")]


def all_models() -> list[str]:
    """Return the models of the core and the rooms that the admin shows."""
    return [model._meta.model_name or "" for model in site._registry if model._meta.app_label.startswith(LABEL)]


def actions(models: list[str], user: User) -> set[tuple[str, str]]:
    """Return the actions that the lists of these models offer a user, with the model of each."""
    request = RequestFactory().get("/")
    request.user = user
    lists = {shown.opts.model_name or "": shown for shown in site._registry.values()}
    return {(model, action) for model in models for action in lists[model].get_actions(request)}


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    """Yield every route below, as `resolve` names it."""
    for pattern in patterns:
        route = before + (str(pattern.pattern).removeprefix("^") if before else str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


def _rows(page: Path) -> list[list[str]]:
    section = page.read_text("utf-8").partition(HEADING)[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    header, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert header == HEADER
    assert set(rule) == {"-"}
    return rows


def _of_row(cells: list[str]) -> Iterator[Asked]:
    parsed = _REQUEST.fullmatch(cells[0])
    assert parsed, f"the table has a request that cannot be read: {cells[0]!r}"
    assert len(cells) == len(HEADER), f"{cells[0]}: {len(cells)} cells"
    answers = dict(zip(HEADER[2:], cells[2:], strict=True))
    for method in parsed["methods"].split():
        for address in _NAME.findall(parsed["addresses"]):
            yield Asked(method, address, parsed["what"] or "", _openers(cells[1]), answers)


def _openers(cell: str) -> frozenset[frozenset[str]]:
    if cell in {NOTHING, ANY}:
        return frozenset() if cell == NOTHING else frozenset({frozenset({ANY})})
    found = {frozenset(_NAME.findall(alternative)) for alternative in cell.split(", ")}
    # To Django, who may change a row may look at it.
    return frozenset(found | {frozenset(name.replace("view_", "change_") for name in one) for one in found})


def _opened_by_any(index: Asked, all_asked: Iterable[Asked]) -> Asked:
    """Return the index page of an app, opened by each permission that opens a page of the app."""
    label = index.address.strip("/").rpartition("/")[2]
    of_app = [asked for asked in all_asked if asked.label == label]
    return replace(index, opened_by=frozenset(one for asked in of_app for one in asked.opened_by if len(one) == 1))


def _for_model(asked: Asked, model: str) -> Asked:
    cells = {kind: cell.replace("<model>", model) for kind, cell in asked.cells.items()}
    return replace(asked, address=asked.address.replace("<model>", model), cells=cells)
