"""Each refusal and each warning of what is not simulated names a row of the table."""

from __future__ import annotations

import ast
from pathlib import Path

import celery_rehearsal
from celery_rehearsal import NOT_SIMULATED
from celery_rehearsal.settings_table import WARNED

# Rows that nothing but an argument of VirtualCelery asks for: no setting, no task and no call of the test does.
BY_ARGUMENT = {"embedded_beat", "gossip", "heartbeat", "mingle", "network_latency"}

# What holds a row: `refuse_options` has looked its option up, and `_warn` gets a value of WARNED or one written out.
VARIABLES = {"option", "row", "WARNED[name]"}


def calls(tree: ast.AST, *names: str) -> list[ast.Call]:
    """The calls of functions and classes of those names, with or without their module."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in found if ast.unparse(call.func).rpartition(".")[2] in names]


def reasons(tree: ast.AST) -> list[str]:
    """The row, or the variable, of each call of `reason`."""
    return [text(call.args[0]) for call in calls(tree, "reason")]


def text(node: ast.expr) -> str:
    """A string that is written out, or the expression."""
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def test_each_refusal_and_each_warning_names_a_row() -> None:
    """Nothing is refused that the table does not list, and no row is there that nothing refuses."""
    named = {*WARNED.values(), *BY_ARGUMENT}
    for path in Path(celery_rehearsal.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for call in calls(tree, "NotSimulatedError", "NotSimulatedWarning"):
            assert reasons(call), f"{path.name}: {ast.unparse(call)}"
        named.update(reasons(tree))
        named.update(text(call.args[1]) for call in calls(tree, "_warn"))
    assert named - VARIABLES == set(NOT_SIMULATED)
