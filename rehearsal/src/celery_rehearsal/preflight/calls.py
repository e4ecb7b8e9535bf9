"""Calls in the application's source that send a task: `.delay(…)` and `.apply_async(…)`."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from celery.app.task import Task
from celery.local import Proxy

from .sources import UNSURE, Function, local_names, meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .findings import Place
    from .sources import Module, Sources

SENDS = ("delay", "apply_async")
SIGNATURES = ("s", "si", "signature", "subtask")


@dataclass(frozen=True)
class Call:
    """A call that sends a task, and what is around it, outermost first."""

    module: Module
    node: ast.Call
    task: Any
    method: str
    around: tuple[ast.AST, ...]
    place: Place

    @property
    def function(self) -> tuple[ast.AST, tuple[ast.AST, ...]]:
        """The innermost function or lambda that has the call, and the nodes between. Outside of any: the module."""
        for index in range(len(self.around) - 1, -1, -1):
            if isinstance(self.around[index], (Function, ast.Lambda)):
                return self.around[index], self.around[index + 1 :]
        return self.module.tree, self.around

    def keyword(self, name: str) -> ast.expr | None:
        """The value of a keyword of the call."""
        return next((word.value for word in self.node.keywords if word.arg == name), None)

    @property
    def hidden(self) -> frozenset[str]:
        """Names that functions around the call bind."""
        return _hidden(self.around)

    @property
    def by_celery(self) -> bool:
        """Tell whether Celery's own method sends, and no method of the application's task class that can wait."""
        methods = [getattr(type(self.task), name) for name in ("delay", "apply_async")]
        return all(method.__module__.startswith("celery.") for method in methods)


def calls(sources: Sources) -> Iterator[Call]:
    """Every call that surely sends a task."""
    for module in sources.modules:
        for node, around in with_parents(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SENDS:
                task = _task(_target(node.func.value), module, around)
                if task is not None:
                    place = sources.place(module.path, node.lineno)
                    yield Call(module, node, task, node.func.attr, around, place)


def with_parents(tree: ast.AST) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Every node of a tree, and the nodes around it, outermost first."""
    # Not recursive: a long sum of strings is a deep tree.
    waiting: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(tree, ())]
    while waiting:
        node, around = waiting.pop()
        yield node, around
        waiting += [(child, (*around, node)) for child in ast.iter_child_nodes(node)]


def _target(node: ast.expr) -> ast.expr:
    """`task` of `task.s(…).delay()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SIGNATURES:
        return node.func.value
    return node


def _task(node: ast.expr, module: Module, around: Sequence[ast.AST]) -> Any:
    names = {**module.names, **_local_imports(module, around)}
    found = meaning(node, names, _hidden(around))
    # Not isinstance, which would evaluate any other lazy object of the application.
    if found is UNSURE or not issubclass(type(found), (Task, Proxy)):
        return None
    if issubclass(type(found), Proxy):
        found = found._get_current_object()
    return found if isinstance(found, Task) else None


def _hidden(around: Sequence[ast.AST]) -> frozenset[str]:
    functions = [node for node in around if isinstance(node, Function)]
    lambdas = [node for node in around if isinstance(node, ast.Lambda)]
    bound = {name for function in functions for name in local_names(function)}
    return frozenset(bound | {argument.arg for each in lambdas for argument in each.args.args})


def _local_imports(module: Module, around: Sequence[ast.AST]) -> dict[str, Any]:
    """What `from x import y` inside the functions around stands for, of modules that are loaded."""
    found: dict[str, Any] = {}
    imports = [
        node
        for function in around if isinstance(function, Function)
        for node in ast.walk(function) if isinstance(node, ast.ImportFrom)
    ]  # fmt: skip
    for node in imports:
        found |= imported(node, str(module.names.get("__package__") or ""))
    return found


def imported(node: ast.ImportFrom, package: str) -> dict[str, Any]:
    """What the names of `from x import y` stand for, in a module of this package, without an import."""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1] if node.level else []
    owner = sys.modules.get(".".join([*base, *([node.module] if node.module else [])]))
    # Not getattr: a module can load more when it is asked.
    names = vars(owner) if isinstance(owner, ModuleType) else {}
    return {alias.asname or alias.name: names.get(alias.name, UNSURE) for alias in node.names}
