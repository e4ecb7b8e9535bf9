"""Tasks that the application's files define and that the loaded application does not have."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery import shared_task

from .calls import imported
from .sources import Function, meaning, tree_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .loaded import LoadedApp

TESTS = {"tests", "test", "testing"}


@dataclass(frozen=True)
class Defined:
    """A task that a file defines."""

    name: str
    path: Path
    line: int


def unloaded_tasks(loaded: LoadedApp) -> Iterator[Defined]:
    """Yield the tasks of files that are next to a loaded module, and are not loaded themselves."""
    modules = loaded.sources.modules
    packages = {module.path.parent: str(module.names.get("__package__") or "") for module in modules}
    paths = {module.path for module in modules}
    for path in loaded.sources.files:
        test = TESTS & {*path.relative_to(loaded.sources.folder).parts, *path.stem.split("_")}
        if path.parent in packages and not test and path.resolve() not in paths and b"task" in path.read_bytes():
            found = _defined(loaded, path, packages[path.parent])
            yield from (each for each in found if each.name not in loaded.tasks)


def _defined(loaded: LoadedApp, path: Path, package: str) -> Iterator[Defined]:
    tree = tree_of_file(str(path)) or ast.Module([], [])
    names: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names |= imported(node, package)
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: sys.modules.get(alias.name) for alias in node.names}
    for node in tree.body:
        for made in node.decorator_list if isinstance(node, Function) else ():
            if isinstance(node, Function) and _makes_a_task(loaded, made, names):
                yield Defined(_given(made) or f"{_module(path, package)}.{node.name}", path, made.lineno)


def _makes_a_task(loaded: LoadedApp, decorator: ast.expr, names: dict[str, Any]) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(named, ast.Attribute) and named.attr == "task":
        return meaning(named.value, names) is loaded.app
    return meaning(named, names) is shared_task


def _given(decorator: ast.expr) -> str | None:
    words = decorator.keywords if isinstance(decorator, ast.Call) else []
    given = next((word.value for word in words if word.arg == "name"), None)
    return ast.literal_eval(given) if isinstance(given, ast.Constant) else None


def _module(path: Path, package: str) -> str:
    parts = [package] if package else []
    return ".".join(parts if path.stem == "__init__" else [*parts, path.stem])
