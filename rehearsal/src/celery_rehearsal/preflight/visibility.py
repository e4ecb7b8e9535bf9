"""After how many seconds a broker gives an unacknowledged message to another worker."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from typing import Any

from .sources import number, tree_of_file

# The modules of kombu's transports, and what the class Channel calls its default.
DEFAULTS = {"kombu.transport.redis": "visibility_timeout", "kombu.transport.SQS": "default_visibility_timeout"}


def visibility_timeout(transport: str, options: dict[str, Any]) -> float | None:
    """Return the timeout of Redis or SQS. None on other brokers, and for SQS where kombu does not make the queues."""
    if transport not in DEFAULTS or options.get("predefined_queues"):
        return None
    given = options.get("visibility_timeout")
    return _default(transport) if given in (None, "") else float(given)


def _default(transport: str) -> float | None:
    """Read it in kombu's source: the module itself needs boto3 or redis-py."""
    spec = find_spec(transport)
    tree = tree_of_file(str(spec.origin)) if spec else None
    for node in ast.walk(tree or ast.Module([], [])):
        if isinstance(node, ast.ClassDef) and node.name == "Channel":
            assigned = [each for each in node.body if isinstance(each, ast.Assign)]
            named = [each.value for each in assigned if ast.unparse(each.targets[0]) == DEFAULTS[transport]]
            return number(named[0], {}) if named else None
    return None
