"""A frozen clock around `is_due`, as clusters whose beat has run from the last run to that instant."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import libcst as cst
import libcst.matchers as m

from .migrate_facts import text

if TYPE_CHECKING:
    from .migrate_facts import Facts

NAME = "virtual_celery"


def _key(value: Any) -> Any:
    return [m.SubscriptElement(m.Index(value))]


# app.conf.beat_schedule["name"]["schedule"].is_due(last).is_due, or [0]
_SCHEDULE = m.Attribute(m.Attribute(m.SaveMatchedNode(m.DoNotCare(), "app"), m.Name("conf")), m.Name("beat_schedule"))
_ENTRY = m.SaveMatchedNode(m.Subscript(_SCHEDULE, _key(m.SaveMatchedNode(m.SimpleString(), "name"))), "entry")
_WORD = m.SimpleString('"schedule"') | m.SimpleString("'schedule'")
_IS_DUE = m.Call(
    m.Attribute(m.Subscript(_ENTRY, _key(_WORD)), m.Name("is_due")),
    [m.Arg(m.SaveMatchedNode(m.DoNotCare(), "last"), keyword=None)],
)
_DUE = m.Attribute(_IS_DUE, m.Name("is_due")) | m.Subscript(_IS_DUE, _key(m.Integer("0")))
_NOT_DUE = m.UnaryOperation(m.Not(), _DUE)
_CHECK = m.SimpleStatementLine([m.Assert(m.SaveMatchedNode(_DUE | _NOT_DUE, "test"), msg=None)])
_FREEZE = m.With([m.WithItem(m.SaveMatchedNode(m.Call(args=[m.Arg(keyword=None)]), "freeze"), asname=None)])
_SENT = """\
with VirtualCelery({app}, start={last}, workers=0) as {NAME}:
    {NAME}.run_until({at})
    {NAME}.assert_sent({entry}["task"], entry={name}{times})
"""


def clusters(node: cst.With, facts: Facts, parsing: Any) -> list[Any]:
    """The clusters that say what `freeze_time` around `is_due` said; none where that cannot be said."""
    block, found = node.body, m.extract(node, _FREEZE)
    if not found or not isinstance(block, cst.IndentedBlock):
        return []
    freeze: Any = found["freeze"]
    if facts.origin(freeze.func) != "freezegun.freeze_time":
        return []
    made = [_cluster(line, freeze.args[0].value, facts, parsing) for line in block.body]
    if not all(made):
        return []
    return [made[0].with_changes(leading_lines=[*node.leading_lines, *own_line(block.header)]), *made[1:]]


def _cluster(line: Any, instant: cst.BaseExpression, facts: Facts, parsing: Any) -> Any:
    found: Any = m.extract(line, _CHECK)
    name = facts.aware(found["last"]) if found else ""
    at = text(instant) if facts.aware(instant) else _from_iso(name, instant)
    if not name or not at:
        return None
    times = ", times=0" if isinstance(found["test"], cst.UnaryOperation) else ""
    words = {each: text(found[each]) for each in ("app", "last", "entry", "name")}
    cluster: Any = cst.parse_statement(_SENT.format(NAME=NAME, at=at, times=times, **words), parsing)
    until, sent = cluster.body.body
    sent = sent.with_changes(leading_lines=line.leading_lines, trailing_whitespace=line.trailing_whitespace)
    return cluster.with_changes(body=cluster.body.with_changes(body=[until, sent]))


def _from_iso(name: str, instant: cst.BaseExpression) -> str:
    try:
        at = datetime.fromisoformat(str(cst.ensure_type(instant, cst.SimpleString).evaluated_value))
    except Exception:  # LibCST raises it for another kind of expression; such a line is listed
        return ""
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return f'{name}.fromisoformat("{at.isoformat()}")'


def own_line(end: cst.TrailingWhitespace) -> list[cst.EmptyLine]:
    """The comment at the end of a line, as a line of its own."""
    return [cst.EmptyLine(comment=end.comment)] if end.comment else []
