"""The rewrite of one file of tests, function by function."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import libcst as cst
import libcst.matchers as m
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor

from .migrate_body import IDLE, Body, from_comment
from .migrate_due import NAME
from .migrate_facts import (
    EAGER,
    PROPAGATES,
    Facts,
    calls,
    changes_settings,
    method,
    names,
    reads_result,
    receiver,
    turns_on,
)
from .migrate_facts import (
    text as source,
)
from .migrate_signature import APP, WORKER, decorators, fixtures, is_known, parameters, signature

if TYPE_CHECKING:
    from collections.abc import Iterator

_DONE = {NAME, f"start_{NAME}", "VirtualCelery"}
_UNITTEST = "unittest.TestCase method: no fixtures; use VirtualCelery as a context manager"
# Imports that a rewrite can leave without a use.
_LEFTOVERS = (
    ("time", None),
    ("time", "sleep"),
    ("freezegun", "freeze_time"),
    ("django.test", "override_settings"),
    ("django.test.utils", "override_settings"),
)


class CannotRewriteError(Exception):
    """A file that cannot be read as Python, or whose new text would be wrong."""


def rewrite(raw: bytes, *, eager: bool = False) -> tuple[bytes, str, list[tuple[int, str]]]:
    """Return the new text of a file, its encoding, and by line what has to be done by hand.

    `eager` says that eager mode is on for every test. Raises CannotRewriteError for a file that is not
    Python, and for a new text that is not.
    """
    _check(raw, "not read")
    try:
        module = cst.parse_module(raw)
        if module.bytes != raw:
            raise CannotRewriteError("not read: LibCST does not give its text back")
        tests = _Tests(module, eager=eager)
        new = module.visit(tests)
        if not new.deep_equals(module):
            new = AddImportsVisitor(tests.context).transform_module(new)
            new = _without_gap(RemoveImportsVisitor(tests.context).transform_module(new))
    except (cst.ParserSyntaxError, UnicodeError, LookupError, RecursionError) as error:
        raise CannotRewriteError(f"not read: {error}") from error
    _check(new.bytes, "left as it is, because the new text does not compile")
    return new.bytes, module.encoding, sorted(set(tests.findings))


def _check(text: bytes, reason: str) -> None:
    # Python refuses a depth of brackets at which LibCST would end the process.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "tests", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CannotRewriteError(f"{reason}: {error}") from error


class _Tests(cst.CSTTransformer):
    def __init__(self, module: cst.Module, *, eager: bool) -> None:
        self.findings: list[tuple[int, str]] = []
        self.context = CodemodContext()
        self._facts, self._parsing = Facts(module), module.config_for_parsing
        self._module, self._classes = module, list[cst.ClassDef]()
        functions = [each for each in module.body if isinstance(each, cst.FunctionDef)]
        self._eager_fixtures = {each.name.value for each in functions if turns_on(each)}
        self._eager = eager or any(turns_on(each) for each in module.body if isinstance(each, cst.SimpleStatementLine))

    def _list(self, node: cst.CSTNode, reason: str) -> None:
        self.findings.append((self._facts.line(node), reason))

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:  # noqa: N802 - LibCST's names
        if turns_on(node):
            self._list(node, "turns eager mode on for more than one test: remove it when no test needs it")
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802
        self._classes.append(node)
        for each in node.decorators:
            if turns_on(each) or WORKER & fixtures(each):
                self._list(each, "is for a whole class: remove it when no test needs it")

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:  # noqa: N802
        self._classes.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: N802
        return False

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:  # noqa: N802
        node = original_node
        worker = bool(WORKER & (parameters(node) | fixtures(*node.decorators)))
        if not node.name.value.startswith("test"):
            if turns_on(node) or worker:
                self._list(node, "not a test: remove it when no test needs it")
            return updated_node
        return updated_node if _DONE & names(node) else self._test(node, worker=worker)

    def _test(self, node: cst.FunctionDef, *, worker: bool) -> cst.FunctionDef:
        on, sends = turns_on(node), self._facts.sends(node)
        eager = on or self._eager or any(turns_on(each) for outer in self._classes for each in outer.decorators)
        here = [call for call in sends if eager or method(call) == "apply"]
        sure = any(self._facts.is_task(receiver(call)) for call in sends)
        idle, must_succeed = bool(here) and not worker, bool(turns_on(node, PROPAGATES))
        body = Body(self._facts, self._parsing, idle=idle, propagates=must_succeed, values=worker)
        new = node.with_changes(body=node.body.visit(body), decorators=decorators(node))
        fixture = bool(on or here or worker or (sure and body.sleeps))
        if not (fixture or body.dues):
            self._list_unknown(node, sure=sure)
            return node
        reasons = body.reasons
        if fixture and not reasons and m.findall(new, EAGER):
            reasons.append((node, "sets eager mode in an unknown way"))
        elif fixture and not reasons and changes_settings(new):
            reasons.append((node, "changes settings: a worker has those of its start"))
        if fixture:
            reasons += self._reasons(node, new, waits=body.sleeps, sends=bool(here) or sure, worker=worker)
        for where, reason in reasons:
            self._list(where, reason)
        if reasons:
            return node
        self._imports(pytest=fixture, cluster=body.dues)
        return signature(node, new, bound=bool(self._classes), worker=worker) if fixture else new

    def _list_unknown(self, node: cst.FunctionDef, *, sure: bool) -> None:
        if "is_due" in map(method, calls(node)) and any(self._facts.is_clock(each) for each in calls(node)):
            self._list(node, "is_due under a frozen clock, in a form that is not known: start a cluster and run_until")
        if sure:
            self._list(node, "sends, and the file does not say what runs it; if it is eager mode, use --eager")

    def _reasons(
        self, node: cst.FunctionDef, new: cst.FunctionDef, *, waits: bool, sends: bool, worker: bool
    ) -> Iterator[tuple[cst.CSTNode, str]]:
        """Yield what forbids to give the test a fixture."""
        called = set(map(method, calls(node)))
        bases = " ".join(source(base.value) for each in self._classes for base in each.bases)
        if bases:
            yield node, _UNITTEST if "TestCase" in bases else f"method of a {bases}, which may take no fixtures"
        if not worker and not sends:
            yield node, f"sends in the code under test only: put {IDLE} after what sends"
        if worker and not (waits or reads_result(node) or called & {"join", "wait"}):
            yield node, f"waits for nothing: put {IDLE} before what it asserts"
        if worker and (WORKER | APP) & names(node.body):
            yield node, "uses Celery's fixtures: start_virtual_celery(app) starts the cluster of an app"
        for each in (each for each in node.decorators if not is_known(each)):
            yield each, "a decorator that may change the arguments, the clock or Celery's app"
        if parameters(node) & self._eager_fixtures:
            yield node, "a fixture turns eager mode on, which a cluster refuses"
        params = node.params
        if params.kwonly_params or params.posonly_params or params.star_kwarg or isinstance(params.star_arg, cst.Param):
            yield node, "has parameters that are no fixtures"
        if node.asynchronous or {"freezer", "time_machine"} & parameters(node):
            yield node, "an async test, or a fixture that moves the clock inside"

    def _imports(self, *, pytest: bool, cluster: bool) -> None:
        if pytest:
            AddImportsVisitor.add_needed_import(self.context, "pytest")
        if cluster:
            AddImportsVisitor.add_needed_import(self.context, "celery_rehearsal", "VirtualCelery")
        for module, name in _LEFTOVERS:
            if len(m.findall(self._module, m.Name(name or module))) > 1:  # once is the import
                RemoveImportsVisitor.remove_unused_import(self.context, module, name)


def _without_gap(module: cst.Module) -> cst.Module:
    # The one that stays in the first line where the first import went.
    if module.header or not module.body:
        return module
    first: Any = module.body[0]
    return module.with_changes(
        body=[first.with_changes(leading_lines=from_comment(first.leading_lines)), *module.body[1:]]
    )
