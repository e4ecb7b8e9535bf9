"""The table `[tool.celery-rehearsal.preflight]` of pyproject.toml."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .declarations import Declared, declared
from .errors import CannotCheckError
from .findings import Finding
from .registry import find_rule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore] # of Python 3.10 only

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLE = "tool.celery-rehearsal.preflight"


class ConfigurationError(Exception):
    """The table in pyproject.toml cannot be used. The message says which part and why."""


@dataclass(frozen=True)
class Suppression:
    """A finding that is meant. Names can have the wildcards of `fnmatch`."""

    rule: str
    reason: str
    entry: str | None = None
    task: str | None = None
    setting: str | None = None

    def matches(self, finding: Finding) -> bool:
        """Tell whether the finding is of this rule and about these names."""
        named = find_rule(self.rule)
        wanted = ((self.entry, finding.entry), (self.task, finding.task), (self.setting, finding.setting))
        return (
            named is not None
            and named.identifier == finding.rule
            and all(pattern is None or (name is not None and fnmatchcase(name, pattern)) for pattern, name in wanted)
        )


@dataclass(frozen=True)
class Outage:
    """A declared outage: tasks whose names match `task` must be able to retry for longer than `seconds`."""

    task: str
    seconds: float


@dataclass(frozen=True)
class Configuration:
    """What the table declares."""

    suppress: tuple[Suppression, ...] = ()
    outages: tuple[Outage, ...] = ()
    # The queues that workers consume, over all their `-Q` options. Empty: unknown.
    queues: tuple[str, ...] = ()
    # Functions to run, as `module:function`, to see what they send inside a transaction.
    scenarios: tuple[str, ...] = ()
    declared: Declared = field(default_factory=Declared)


# The keys of the table.
KEYS = ("suppress", "outages", "queues", "scenarios", *(each.name for each in fields(Declared)))


def read_configuration(folder: Path) -> Configuration:
    """Read the table from the folder's pyproject.toml. Without a file or a table, nothing is declared.

    Raises ConfigurationError.
    """
    table = _table(folder)
    return Configuration(
        tuple(_suppression(row) for row in _rows(table, "suppress")),
        tuple(_outage(row) for row in _rows(table, "outages")),
        _names(table, "queues"),
        _names(table, "scenarios"),
        _declared(table),
    )


def read_declared(folder: Path) -> Declared:
    """Read from the folder's pyproject.toml how the application is run. Raises ConfigurationError."""
    return _declared(_table(folder))


def _table(folder: Path) -> dict[str, Any]:
    path = folder / "pyproject.toml"
    try:
        document: Any = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error}") from error
    for key in TABLE.split("."):
        document = document.get(key, {}) if isinstance(document, dict) else document
    _refuse_unknown_keys("", document, KEYS)
    table: dict[str, Any] = document
    return table


def _declared(table: dict[str, Any]) -> Declared:
    try:
        return declared(table)
    except CannotCheckError as error:
        raise ConfigurationError(f"[{TABLE}] {error}") from error


def _names(table: Any, key: str) -> tuple[str, ...]:
    names = table.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"[{TABLE}] {key} must be a list of names, not {names!r}")
    return tuple(names)


def _rows(table: Any, key: str) -> Iterable[Any]:
    rows = table.get(key, [])
    if not isinstance(rows, list):
        raise ConfigurationError(f"[{TABLE}] {key} must be an array of tables: [[{TABLE}.{key}]]")
    return rows


def _suppression(row: Any) -> Suppression:
    _refuse_unknown_keys("suppress", row, _keys(Suppression))
    if not all(isinstance(value, str) for value in row.values()):
        raise ConfigurationError(f"[[{TABLE}.suppress]] takes strings only, not {row!r}")
    if find_rule(row.get("rule", "")) is None:
        raise ConfigurationError(f"[[{TABLE}.suppress]] names no rule of preflight: {row!r}. `--explain` lists them")
    if not row.get("reason", "").strip():
        raise ConfigurationError(f'[[{TABLE}.suppress]] for {row["rule"]} has no reason: add `reason = "..."`')
    return Suppression(**row)


def _outage(row: Any) -> Outage:
    _refuse_unknown_keys("outages", row, _keys(Outage))
    seconds = row.get("seconds")
    if not isinstance(row.get("task"), str) or isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise ConfigurationError(f"[[{TABLE}.outages]] needs `task`, a name, and `seconds`, a number, not {row!r}")
    return Outage(row["task"], float(seconds))


def _keys(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def _refuse_unknown_keys(key: str, row: Any, known: tuple[str, ...]) -> None:
    if not isinstance(row, dict) or set(row) - set(known):
        where = f"[[{TABLE}.{key}]]" if key else f"[{TABLE}]"
        raise ConfigurationError(f"{where} knows the keys {', '.join(known)}, and not {row!r}")
