"""What becomes of the parameters and decorators of a test."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from .migrate_due import NAME
from .migrate_facts import method, names, reads_result, without_eager
from .migrate_facts import text as source

WORKER = {"celery_worker", "celery_session_worker"}
APP = {"celery_app", "celery_session_app"}
_PATCHES = {"patch", "object", "dict", "multiple"}
_NOTHING = cst.SimpleWhitespace("")


def signature(node: cst.FunctionDef, new: cst.FunctionDef, *, bound: bool, worker: bool) -> cst.FunctionDef:
    """The function with the cluster as a fixture, and without the fixtures that it replaces."""
    old, used = list(node.params.params), names(new.body)
    gone = WORKER | (APP if worker else set()) | ({"settings"} & names(node.body))
    kept = [each for each in old if each.name.value not in gone - used]
    # First, so that the other fixtures live in its time; but the mocks of patches come by their place.
    patched = any(_is_patch(each) for each in node.decorators)
    place = sum(each.default is None for each in kept) if patched else int(bound)
    kept.insert(place, cst.Param(cst.Name(NAME)))
    one_line = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    between = old[0].comma if len(old) > 1 and isinstance(old[0].comma, cst.Comma) else one_line
    end = old[-1] if old else kept[-1]
    kept = [each.with_changes(comma=between, whitespace_after_param=_NOTHING) for each in kept]
    kept[-1] = kept[-1].with_changes(comma=end.comma, whitespace_after_param=end.whitespace_after_param)
    backend = ', result_backend="redis://"' if worker and reads_result(new) else ""
    mark = cst.Decorator(cst.parse_expression(f"pytest.mark.{NAME}(beats=0{backend})"))
    return new.with_changes(params=new.params.with_changes(params=kept), decorators=[mark, *new.decorators])


def _is_patch(node: cst.Decorator) -> bool:
    return method(node.decorator) in _PATCHES


def is_known(node: cst.Decorator) -> bool:
    """Whether the decorator changes no argument that comes by name, no clock and no app."""
    words = f".{source(node.decorator)}"
    ours = ".mark.celery" in words or (WORKER | APP) & fixtures(node)
    return not ours and (".mark." in words or _is_patch(node) or method(node.decorator) == "override_settings")


def parameters(node: cst.FunctionDef) -> set[str]:
    """The names of the parameters."""
    return {each.name.value for each in node.params.params}


def fixtures(*nodes: cst.CSTNode) -> set[str]:
    """The names in `usefixtures("name")`."""
    return {source(each).strip("\"'") for node in nodes for each in m.findall(node, m.SimpleString())}


def decorators(node: cst.FunctionDef) -> list[cst.Decorator]:
    """The decorators without eager mode."""
    left = [(each, without_eager(each.decorator)) for each in node.decorators]
    return [each.with_changes(decorator=call) for each, call in left if call is not None]
