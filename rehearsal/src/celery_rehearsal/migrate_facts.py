"""What the code of a test says: what it names, what it sends, and where it sets eager mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider, QualifiedNameProvider, QualifiedNameSource

if TYPE_CHECKING:
    from collections.abc import Mapping

SENDS = {"delay", "apply_async"}
# Calls that set what their arguments name.
_SETTERS = {"update", "setattr", "setitem", "patch", "object", "override_settings", "settings"}
_TASK_MODULE = re.compile(r"(?:.*\.)?tasks(?:\.\w+)*\.[a-z_]\w*")
_DECORATOR = re.compile(r"(?:.*\.)?(?:shared_|periodic_)?task(?:\(.*)?", re.DOTALL)
TRUE = m.Name("True")


def text(node: cst.CSTNode) -> str:
    """The node as source text."""
    return cst.Module([]).code_for_node(node)


def calls(node: cst.CSTNode) -> list[cst.Call]:
    """Each call in the node."""
    return [cst.ensure_type(each, cst.Call) for each in m.findall(node, m.Call())]


def names(node: cst.CSTNode) -> set[str]:
    """Each name in the node."""
    return {cst.ensure_type(each, cst.Name).value for each in m.findall(node, m.Name())}


def method(node: cst.CSTNode) -> str:
    """The last name of what a call calls."""
    func = node.func if isinstance(node, cst.Call) else None
    return func.attr.value if isinstance(func, cst.Attribute) else func.value if isinstance(func, cst.Name) else ""


def receiver(call: cst.Call) -> cst.BaseExpression:
    """The `x` of `x.method()`; of another call, what it calls."""
    return call.func.value if isinstance(call.func, cst.Attribute) else call.func


def _setting(words: str) -> Any:
    whole = re.compile(rf"(?i)[\"']?(?:[\w.]*[._])?{words}[\"']?")
    says: Any = m.MatchIfTrue(lambda value: bool(whole.fullmatch(value)))
    return m.Name(says) | m.SimpleString(says)


EAGER = _setting("always_eager")
PROPAGATES = _setting("eager_propagates(?:_exceptions)?")


def _target(name: Any) -> Any:
    item = m.Subscript(slice=[m.SubscriptElement(m.Index(name))])
    return m.AssignTarget(name | m.Attribute(attr=name) | item)


def turns_on(node: cst.CSTNode, name: Any = EAGER) -> list[cst.CSTNode]:
    """Each place in the node at which the setting becomes True."""
    last = m.Call(args=[m.ZeroOrMore(), m.Arg(name), m.Arg(TRUE)])
    pair = m.Arg(TRUE, keyword=name) | m.DictElement(name, TRUE)
    return list(m.findall(node, m.Assign([_target(name)], TRUE) | pair | last))


def assigns_eager(node: cst.CSTNode) -> bool:
    """Whether the statement does nothing but assign to a setting of eager mode."""
    return m.matches(node, m.Assign([_target(EAGER | PROPAGATES)], TRUE | m.Name("False")))


def without_eager(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """The call without its settings of eager mode; None where nothing else is left of it."""
    name = EAGER | PROPAGATES
    if not isinstance(node, cst.Call) or method(node) not in _SETTERS:
        return node
    if m.matches(node, m.Call(args=[m.ZeroOrMore(), m.Arg(name), m.Arg(TRUE)])):
        return None
    mapping = m.Arg(m.Dict([m.AtLeastN(m.DictElement(name, TRUE), n=1)]), keyword=None)
    left = [arg for arg in node.args if not m.matches(arg, m.Arg(TRUE, keyword=name) | mapping)]
    if len(left) == len(node.args):
        return node
    return node.with_changes(args=[*left[:-1], left[-1].with_changes(comma=node.args[-1].comma)]) if left else None


def reads_result(node: cst.CSTNode) -> bool:
    """Whether the node calls `get()` as results have it; `get` of a mapping or a query takes other arguments."""
    option = m.Name(m.MatchIfTrue(lambda value: value in {"timeout", "propagate", "interval"}))
    arguments = [m.ZeroOrMore(m.Arg(keyword=option))]
    return bool(m.findall(node, m.Call(m.Attribute(attr=m.Name("get")), arguments)))


def changes_settings(node: cst.CSTNode) -> bool:
    """Whether the node sets another of Celery's settings, which a running worker would not see."""
    conf = m.Attribute(attr=m.Name("conf")) | m.Name("conf")
    celery = m.Name(m.MatchIfTrue(lambda value: value.startswith("CELERY_")))
    target = m.AssignTarget(m.Attribute(value=conf) | m.Subscript(value=conf) | m.Attribute(attr=celery))
    update = m.Call(m.Attribute(conf, m.Name("update"))) | m.Arg(keyword=celery)
    return bool(m.findall(node, target | update))


def defines_task(node: cst.FunctionDef) -> bool:
    """Whether a decorator makes the function a task."""
    return any(_DECORATOR.fullmatch(text(each.decorator)) for each in node.decorators)


class Facts:
    """The facts of one file."""

    def __init__(self, module: cst.Module) -> None:
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self._places: Mapping[cst.CSTNode, Any] = wrapper.resolve(PositionProvider)
        self._names: Mapping[cst.CSTNode, Any] = wrapper.resolve(QualifiedNameProvider)
        self.tasks = {
            each.name.value for each in module.body if isinstance(each, cst.FunctionDef) if defines_task(each)
        }
        # Whether the file looks like one of Celery's, so that apply() of something can be a task's.
        self._about_celery = bool(self.tasks) or "celery" in module.code or "tasks" in names(module)
        self._values: dict[str, list[cst.BaseExpression]] = {}
        for found in m.findall(module, m.Assign()):
            assign = cst.ensure_type(found, cst.Assign)
            for target in assign.targets:
                self._values.setdefault(text(target.target), []).append(assign.value)

    def line(self, node: cst.CSTNode) -> int:
        """The line on which the node starts."""
        return int(self._places[node].start.line)

    def origin(self, node: cst.CSTNode) -> str:
        """The dotted name that an expression is imported by; "" for what is not imported."""
        found = self._names.get(node, ())
        found = found() if callable(found) else found  # LibCST reckons late
        return next((str(each.name) for each in found if each.source is QualifiedNameSource.IMPORT), "")

    def is_clock(self, node: cst.BaseExpression) -> bool:
        """Whether it is freezegun's or time-machine's, or a call of it."""
        func = node.func if isinstance(node, cst.Call) else node
        return self.origin(func).startswith(("freezegun.", "time_machine."))

    def is_task(self, node: cst.BaseExpression) -> bool:
        """Whether the expression is a task for sure, or the signature of one."""
        if isinstance(node, cst.Call):
            return method(node) in {"s", "si"} and self.is_task(receiver(node))
        if isinstance(node, cst.Subscript):
            return m.matches(node.value, m.Attribute(attr=m.Name("tasks")))
        return text(node) in self.tasks or bool(_TASK_MODULE.fullmatch(self.origin(node)))

    def aware(self, node: cst.BaseExpression) -> str:
        """How the file calls `datetime`, where the expression is an aware datetime that it spells out, or its name."""
        values = self._values.get(node.value, []) if isinstance(node, cst.Name) else [node]
        if len(values) != 1 or not isinstance(values[0], cst.Call):
            return ""
        call, zone = values[0], m.Arg(m.DoesNotMatch(m.Name("None")), keyword=m.Name("tzinfo"))
        good = self.origin(call.func) == "datetime.datetime" and any(m.matches(arg, zone) for arg in call.args)
        return text(call.func) if good else ""

    def sends(self, node: cst.CSTNode) -> list[cst.Call]:
        """Each call in the node that sends a task or runs one."""
        return [call for call in calls(node) if isinstance(call.func, cst.Attribute) and self._is_send(call)]

    def _is_send(self, call: cst.Call) -> bool:
        if method(call) != "apply":
            return method(call) in SENDS
        keyword = m.Name(m.MatchIfTrue(lambda value: value in {"args", "kwargs"}))
        loose = not call.args or m.matches(call.args[0], m.Arg(m.Tuple() | m.List()) | m.Arg(keyword=keyword))
        return self.is_task(receiver(call)) or (loose and self._about_celery)
