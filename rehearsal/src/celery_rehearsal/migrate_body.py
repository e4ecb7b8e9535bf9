"""What becomes of the statements of one test, and what forbids a rewrite of it."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import libcst as cst
import libcst.matchers as m

from .migrate_due import NAME, clusters, own_line
from .migrate_facts import TRUE, assigns_eager, calls, defines_task, method, receiver, text, turns_on, without_eager

if TYPE_CHECKING:
    from .migrate_facts import Facts

IDLE = f"{NAME}.run_until_idle()"
# What sets up or looks, and so sends nothing.
_QUIET = {*vars(builtins), "refresh_from_db", "reset_mock", "now", "utcnow", "today", "getLogger"}
_QUERIES = {"get", "filter", "count", "exists", "first", "last", "all"}
_RAISES = {"raises", "assertRaises", "assertRaisesRegex"}
_IN_WORKER = "with a broker a task's error stays in its worker"


class Body(cst.CSTTransformer):
    """Rewrites the body of one test.

    `idle` says that each send is followed by `run_until_idle()`, and `propagates` that its task must not fail.
    `values` says that the test can use what a send returns. `reasons` has, by node, what forbids the rewrite.
    """

    def __init__(self, facts: Facts, parsing: Any, *, idle: bool, propagates: bool, values: bool) -> None:
        self.facts, self._parsing = facts, parsing
        self._idle, self._propagates, self._values = idle, propagates, values
        self.reasons: list[tuple[cst.CSTNode, str]] = []
        self.sleeps = self.dues = False
        self._unused: set[cst.CSTNode] = set()
        self._removed: set[cst.CSTNode] = set()
        self._sent_by: cst.CSTNode | None = None

    def _no(self, node: cst.CSTNode, reason: str) -> None:
        self.reasons.append((node, reason))

    def _inner(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and defines_task(node):
            self._no(node, "defines a task inside: a worker does not know a task that is defined after its start")
        elif self.facts.sends(node) or turns_on(node):
            self._no(node, "sends in a function inside of the test")
        return False

    visit_FunctionDef = visit_ClassDef = visit_Lambda = _inner  # noqa: N815 - LibCST's names

    def visit_Try(self, node: cst.Try) -> None:  # noqa: N802
        if turns_on(node):
            self._no(node, "turns eager mode on inside try")
        elif node.handlers and self.facts.sends(node.body) and not self._values:
            self._no(node, f"catches the error of a send: {_IN_WORKER}")

    def visit_With(self, node: cst.With) -> None:  # noqa: N802
        contexts = [item.item for item in node.items]
        if any(method(each) in _RAISES for each in contexts) and self.facts.sends(node) and not self._values:
            self._no(node, f"expects the error of a send: {_IN_WORKER}")
        if any(self.facts.is_clock(each) for each in contexts) and not clusters(node, self.facts, self._parsing):
            self._no(node, "freeze_time or travel moves the clock inside")

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:  # noqa: N802
        if len(node.body) > 1 and (self.facts.sends(node) or any(map(assigns_eager, node.body))):
            self._no(node, "has several statements on one line")
            self._unused.update(self.facts.sends(node))
        if m.matches(node, m.SimpleStatementLine([m.Expr(m.Call())])):
            self._unused.update({calls(node)[0], _sender(calls(node)[0])})

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        if node not in self.facts.sends(node):
            return
        options = {arg.keyword.value if arg.keyword else arg.star for arg in node.args}
        if method(node) == "apply" and not self.facts.is_task(receiver(node)):
            self._no(node, f"{text(receiver(node))} may be no Celery task")
        elif node not in self._unused and not self._values:
            self._no(node, f"uses the return value of {method(node)}(): a result backend is needed")
        elif method(node) == "apply" and options - {"", "args", "kwargs", "task_id", "throw"}:
            self._no(node, "apply() with an option that apply_async() may not have")

    def leave_SimpleStatementLine(self, original_node: Any, updated_node: Any) -> Any:  # noqa: N802
        one = original_node.body[0]
        call = one.value if isinstance(one, cst.Expr) and isinstance(one.value, cst.Call) else None
        left = without_eager(call) if call else None
        if assigns_eager(one) or (call and left is None):
            self._removed.add(updated_node)
        elif call and left is not None and left is not call:
            return updated_node.with_changes(body=[cst.Expr(left)])
        elif call and _sender(call) in self.facts.sends(call):
            self._sent_by = None
            return self._send(updated_node, call) if self._idle else updated_node
        elif call and self.facts.origin(call.func) == "time.sleep" and len(call.args) == 1:
            self.sleeps, self._sent_by = True, None
            return updated_node.with_changes(
                body=self._parse(f"{NAME}.advance(seconds={text(call.args[0].value)})").body
            )
        else:
            self._look(original_node)
        return updated_node

    def _parse(self, source: str) -> Any:
        return cst.parse_statement(source, self._parsing)

    def _send(self, line: cst.SimpleStatementLine, call: cst.Call) -> Any:
        send, must_succeed = _sender(call), self._propagates or _sender(call) is not call
        if method(send) == "apply":
            throw = m.Arg(keyword=m.Name("throw"))
            must_succeed |= any(m.matches(arg, throw & m.Arg(TRUE)) for arg in send.args)
            args = [arg for arg in send.args if not m.matches(arg, throw)]
            if args:
                args[-1] = args[-1].with_changes(comma=send.args[-1].comma)
            func = cst.Attribute(receiver(send), cst.Name("apply_async" if args else "delay"))
            send = send.with_changes(func=func, args=args)
        after = [IDLE, *([f'assert not {NAME}.timeline.of("failed")'] if must_succeed else [])]
        return cst.FlattenSentinel([line.with_changes(body=[cst.Expr(send)]), *map(self._parse, after)])

    def _look(self, line: cst.SimpleStatementLine) -> None:
        # In eager mode an assertion sees what every call before it has sent.
        if isinstance(line.body[0], cst.Assert) or any(method(each).startswith("assert") for each in calls(line)):
            if self._sent_by and self._idle:
                self._no(self._sent_by, f"may send, too: put {IDLE} after what sends")
            self._sent_by = None
        elif any(map(_can_send, calls(line))) and not self.facts.sends(line):
            self._sent_by = self._sent_by or line

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> Any:  # noqa: N802
        kept: list[Any] = []
        comments: list[cst.EmptyLine] = []
        for each in updated_node.body:
            statement: Any = each
            if each in self._removed:
                comments += [line for line in statement.leading_lines if line.comment]
                comments += own_line(statement.trailing_whitespace)
                continue
            first = not (kept or comments) and updated_node.body[0] in self._removed
            lines = from_comment(statement.leading_lines) if first else statement.leading_lines
            kept.append(each.with_changes(leading_lines=[*comments, *lines]))
            comments = []
        if not kept:
            self._no(original_node, "turns eager mode on in a block of its own")
        return updated_node.with_changes(body=kept, footer=[*comments, *updated_node.footer]) if kept else updated_node

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> Any:  # noqa: N802
        due = clusters(original_node, self.facts, self._parsing)
        if due:
            self.dues = True
            return cst.FlattenSentinel(due)
        pairs = [(item, without_eager(item.item)) for item in updated_node.items]
        items = [item.with_changes(item=left) for item, left in pairs if left is not None]
        if items:
            items[-1] = items[-1].with_changes(comma=updated_node.items[-1].comma)
            return updated_node.with_changes(items=items)
        block = updated_node.body
        if not isinstance(block, cst.IndentedBlock) or any(line.comment for line in block.footer):
            self._no(original_node, "turns eager mode on in a block of an unknown form")
            return updated_node
        inside: Any = block.body[0]
        lines = [*updated_node.leading_lines, *own_line(block.header), *from_comment(inside.leading_lines)]
        return cst.FlattenSentinel([inside.with_changes(leading_lines=lines), *block.body[1:]])


def _sender(call: cst.Call) -> cst.Call:
    # x.apply() in x.apply().get()
    inner = receiver(call)
    return inner if isinstance(inner, cst.Call) and method(call) == "get" and not call.args else call


def _can_send(call: cst.Call) -> bool:
    looks = ".objects." in text(call.func) and method(call) in _QUERIES
    return not (method(call) in _QUIET or method(call)[:1].isupper() or looks)


def from_comment(lines: Any) -> list[cst.EmptyLine]:
    """The lines from the first comment on."""
    first = next((n for n, line in enumerate(lines) if line.comment), len(lines))
    return list(lines[first:])
