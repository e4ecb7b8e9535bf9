"""Where the application's source reads the results of tasks."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .calls import SENDS, with_parents
from .sources import tree_of_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .calls import Call
    from .sources import Sources

# What reads or waits for results of other tasks, and what of an AsyncResult asks the store.
READERS = {"AsyncResult", "GroupResult", "ResultSet", "TaskResult", "allow_join_result", "result_from_tuple", "chord"}
READS = {"get", "wait", "collect", "result", "state", "status", "info", "ready", "successful", "failed"}
# A file without any of these has nothing to do with results.
MARKS = (b"celery", b".delay", b".apply_async", b".send_task", b"Result")


def files_that_read_results(sources: Sources) -> list[Path]:
    """The files, loaded or not, that read a result or keep what reads it."""
    marked = [path for path in sources.files if any(mark in path.read_bytes() for mark in MARKS)]
    return [path for path in marked if _reads(tree_of_file(str(path)))]


def _reads(tree: ast.Module | None) -> bool:
    # What cannot be parsed could read.
    return tree is None or any(_is_read(node, around) for node, around in with_parents(tree))


def _is_read(node: ast.AST, around: Sequence[ast.AST]) -> bool:
    if isinstance(node, ast.alias):
        # A group with a task after it is a chord.
        return node.name in READERS | {"group"}
    if isinstance(node, ast.Name):
        return node.id in READERS
    if isinstance(node, ast.Attribute):
        return node.attr in READERS or (node.attr in {*SENDS, "send_task"} and not _discarded(node, around))
    return False


def _discarded(method: ast.Attribute, around: Sequence[ast.AST]) -> bool:
    """Tell whether the value of a call is thrown away: it is a statement, or all that `on_commit` calls."""
    call, user = around[-1], around[-2]
    if not isinstance(call, ast.Call) or call.func is not method:
        return False
    if isinstance(user, ast.Lambda) and isinstance(around[-3], ast.Call):
        return ast.unparse(around[-3].func).endswith("on_commit")
    return isinstance(user, ast.Expr)


def read_of(call: Call) -> str | None:
    """What reads the result of a call: an attribute of its value, or of the only name that the value has."""
    user = call.around[-1]
    if isinstance(user, ast.Attribute):
        return user.attr if user.attr in READS else None
    if not isinstance(user, ast.Assign) or len(user.targets) != 1 or not isinstance(user.targets[0], ast.Name):
        return None
    function, _between = call.function
    name = user.targets[0].id
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
    if len([use for use in uses if isinstance(use.ctx, ast.Store)]) != 1:
        return None
    reads = [node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute) and node.value in uses]
    return next((each for each in reads if each in READS), None)
