"""Which exceptions of a task come back from the result store as another class."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery.backends.base import Backend

from .retry_policy import Policy
from .sources import function_of, local_names, meaning, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .loaded import LoadedApp

# What an `__init__` that preflight calls is made of: no call of anything but `super().__init__`, `super` and `str`.
PLAIN = (
    *(ast.Expr, ast.Assign, ast.AnnAssign, ast.Pass, ast.Call, ast.keyword, ast.Starred, ast.Tuple, ast.Subscript),
    *(
        ast.Attribute,
        ast.Name,
        ast.Constant,
        ast.JoinedStr,
        ast.FormattedValue,
        ast.BinOp,
        ast.operator,
        ast.expr_context,
    ),
)


@dataclass(frozen=True)
class Lost:
    """An exception that comes back as another class, or one that could."""

    kind: type[BaseException]
    message: str
    sure: bool


def lost_exceptions(loaded: LoadedApp, task: Any) -> Iterator[Lost]:
    """The exceptions of a task that do not survive."""
    kinds = {*Policy(task).automatic, *_raised(task)}
    for kind in sorted(kinds, key=lambda each: (each.__module__, each.__qualname__)):
        init = inspect.getattr_static(kind, "__init__", None)
        if not inspect.isfunction(init) or _remade(kind):
            continue
        survives = _survives(loaded, kind, init) if _plain(init) else None
        if survives is None:
            yield Lost(
                kind,
                f"`{kind.__qualname__}` can come back from the result store as another class: preflight does not call "
                "its `__init__`, which can do more than keep its arguments",
                sure=False,
            )
        elif not survives:
            yield Lost(kind, f"`{kind.__qualname__}` does not come back from the result store as itself", sure=True)


def _raised(task: Any) -> Iterator[type[BaseException]]:
    function = function_of(task)
    tree = tree_of(function)
    if function is None or tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found = meaning(named, function.__globals__, local_names(tree))
            if isinstance(found, type) and issubclass(found, BaseException):
                yield found


def _remade(kind: type[BaseException]) -> bool:
    """Tell whether the class says itself how it is made."""
    methods = ("__new__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")
    own = [vars(base) for base in kind.__mro__ if base.__module__ != "builtins"]
    return any(method in names for names in own for method in methods)


def _plain(init: Any) -> bool:
    tree = tree_of(init)
    if tree is None:
        return False
    for statement in tree.body:
        for node in ast.walk(statement):
            if not isinstance(node, PLAIN) or (isinstance(node, ast.Call) and not _harmless(node)):
                return False
    return not any(isinstance(node, ast.Attribute) and not _own(node) for node in ast.walk(ast.Module(tree.body, [])))


def _harmless(node: ast.Call) -> bool:
    if isinstance(node.func, ast.Name):
        return node.func.id in ("super", "str", "repr")
    return isinstance(node.func, ast.Attribute) and node.func.attr == "__init__" and _own(node.func)


def _own(node: ast.Attribute) -> bool:
    """Tell whether this is an attribute of `self`, or `super().__init__`, and so runs no other code."""
    if isinstance(node.value, ast.Name):
        return node.value.id == "self"
    return isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) and node.value.func.id == "super"


def _survives(loaded: LoadedApp, kind: type[BaseException], init: Any) -> bool | None:
    """Make one with the names of its arguments, and send it. None where that cannot be made."""
    required = [each for each in [*inspect.signature(init).parameters.values()][1:] if each.default is each.empty]
    plain = [each for each in required if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    named = {each.name: each.name for each in required if each.kind is each.KEYWORD_ONLY}
    try:
        made = kind(*(each.name for each in plain), **named)
    except Exception:  # such as a format for numbers
        return None
    backend: Any = Backend(loaded.app, url=None, serializer=loaded.conf.result_serializer)
    sent = backend.decode(backend.encode(backend.prepare_exception(made)))
    return type(backend.exception_to_python(sent)) is kind
