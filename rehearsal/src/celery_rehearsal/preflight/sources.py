"""The application's own source: files below the working directory, their trees, and what names in them mean."""

from __future__ import annotations

import ast
import inspect
import operator
import os
import sys
import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ..installed import installed
from .findings import Place

Function = ast.FunctionDef | ast.AsyncFunctionDef

# What a name means where reading is not sure.
UNSURE: Any = object()

OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
LARGEST_POWER = 64
FOREIGN_FOLDERS = {"node_modules", "site-packages", "dist-packages", "__pycache__"}


@dataclass(frozen=True)
class Module:
    """A loaded module of the application."""

    name: str
    path: Path
    names: dict[str, Any]

    @cached_property
    def tree(self) -> ast.Module:
        """The module's tree; empty where the file is not Python of this interpreter."""
        return tree_of_file(str(self.path)) or ast.Module([], [])


class Sources:
    """The modules that are loaded and whose files are below `folder`, without installed packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @cached_property
    def modules(self) -> list[Module]:
        """In the order of their paths. Preflight reads the files that Python has loaded, and imports nothing."""
        found = {}
        loaded: dict[str, Any] = dict(sys.modules)
        for name, module in sorted(loaded.items()):
            # Anything can be there, such as a lazy object that loads itself when it is asked.
            file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
            if isinstance(file, str) and file.endswith(".py"):
                path = Path(file).resolve()
                if self.folder in path.parents and not installed(path):
                    found[path] = Module(name, path, vars(module))
        return [found[path] for path in sorted(found)]

    @cached_property
    def files(self) -> list[Path]:
        """Every Python file below the folder, loaded or not, without those of virtual environments and of tools."""
        found = []
        for folder, below, names in os.walk(self.folder):
            here = Path(folder)
            below[:] = [name for name in below if not name.startswith(".") and name not in FOREIGN_FOLDERS]
            if (here / "pyvenv.cfg").exists():
                below.clear()
            else:
                found += [here / name for name in names if name.endswith(".py")]
        return sorted(path for path in found if path.is_file())

    def has(self, kind: type) -> bool:
        """Tell whether one of the files defines the class."""
        return any(module.name == kind.__module__ for module in self.modules)

    def place(self, path: str | Path, line: int) -> Place:
        """A place, relative to the folder where it is below it."""
        resolved = Path(path).resolve()
        shown = resolved.relative_to(self.folder) if self.folder in resolved.parents else resolved
        return Place(shown.as_posix(), line)

    def place_of(self, function: FunctionType | None) -> Place | None:
        """The line on which a function begins."""
        return None if function is None else self.place(function.__code__.co_filename, function.__code__.co_firstlineno)

    def place_of_string(self, text: str) -> Place | None:
        """The only place where this string is a key of a dictionary or a keyword; None for several places."""
        return _only(self.words.keys.get(text, set()))

    def place_of_name(self, *names: str) -> Place | None:
        """The only place that assigns one of these names, or has it as a key or a keyword."""
        found = [kind.get(name, set()) for kind in (self.words.keys, self.words.assigned) for name in names]
        return _only(set().union(*found))

    @cached_property
    def words(self) -> Words:
        """What names and strings are in the files, read once."""
        found = Words({}, {}, set())
        for module in self.modules:
            self._read(module, found)
        return found

    def _read(self, module: Module, found: Words) -> None:
        keys = set()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Dict):
                named = [key for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
                keys.update(named)
                for key in named:
                    found.keys.setdefault(str(key.value), set()).add(self.place(module.path, key.lineno))
            elif isinstance(node, ast.Call):
                for word in node.keywords:
                    found.keys.setdefault(word.arg or "", set()).add(self.place(module.path, word.value.lineno))
            elif isinstance(node, (ast.Name, ast.Attribute)):
                name = node.id if isinstance(node, ast.Name) else node.attr
                if isinstance(node.ctx, ast.Store):
                    found.assigned.setdefault(name, set()).add(self.place(module.path, node.lineno))
                else:
                    found.read.add(name)
            # ast.walk visits a dictionary before its keys.
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in keys:
                found.read.add(node.value)


@dataclass(frozen=True)
class Words:
    """Names and strings of files: keys and keywords, assigned names (each with its places), and what is read."""

    keys: dict[str, set[Place]]
    assigned: dict[str, set[Place]]
    read: set[str]


def _only(places: set[Place]) -> Place | None:
    return next(iter(places)) if len(places) == 1 else None


def function_of(task: Any) -> FunctionType | None:
    """The function that the application wrote for a task, without Celery's wrapper for `autoretry_for`."""
    run = getattr(task, "_orig_run", task.run)
    function = inspect.unwrap(getattr(run, "__func__", run))
    return function if isinstance(function, FunctionType) else None


@cache
def tree_of_file(filename: str) -> ast.Module | None:
    with warnings.catch_warnings():
        # Of the application's own source, such as an escape that Python does not know.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(Path(filename).read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def tree_of(function: FunctionType | None) -> Function | None:
    """The definition of a function, or None where its source is not to be read."""
    tree = None if function is None else tree_of_file(function.__code__.co_filename)
    if function is None or tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name == function.__name__:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == function.__code__.co_firstlineno:
                return node
    return None


def meaning(node: ast.expr | None, names: dict[str, Any], hidden: frozenset[str] = frozenset()) -> Any:
    """The object that a name or a dotted name stands for, or UNSURE. It runs no code of the application."""
    if isinstance(node, ast.Name):
        return UNSURE if node.id in hidden else names.get(node.id, UNSURE)
    if isinstance(node, ast.Attribute):
        owner = meaning(node.value, names, hidden)
        if isinstance(owner, ModuleType):
            return vars(owner).get(node.attr, UNSURE)
        if isinstance(owner, type):
            return inspect.getattr_static(owner, node.attr, UNSURE)
    return UNSURE


def number(node: ast.expr | None, names: dict[str, Any], hidden: frozenset[str] = frozenset()) -> float | None:
    """The number that an expression of constants stands for, or None."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = number(node.left, names, hidden), number(node.right, names, hidden)
        if left is None or right is None or (isinstance(node.op, ast.Pow) and abs(right) > LARGEST_POWER):
            return None
        try:
            result = OPERATORS[type(node.op)](left, right)
        except ArithmeticError:
            return None
        return result if isinstance(result, (int, float)) else None
    value = node.value if isinstance(node, ast.Constant) else meaning(node, names, hidden)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def local_names(function: Function) -> frozenset[str]:
    """The names that a function binds, which hide those of its module."""
    bound = {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    return frozenset(bound | {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)})
