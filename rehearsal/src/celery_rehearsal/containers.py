"""Settings as nested containers: copies of them, and their contents put back in place."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from celery.app.defaults import NAMESPACES, flatten
from celery.utils.collections import ChainMap

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

# Other classes have a meaning of their own, as a Signature, which is a dict. They are values here.
MAPPINGS = (dict, OrderedDict, defaultdict)
SEQUENCES = (list, tuple, set, frozenset)
CONTAINERS = {*MAPPINGS, *SEQUENCES}

# Most settings are one of these. To look no further at them halves the time of a copy.
ATOMS = {bool, float, int, str, type(None)}

# Celery's names for the types of settings that can hold a container.
OPEN_TYPES = {"any", "dict", "list", "tuple"}


def own(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """Copy nested containers. `leaf` gives what stands in the copy for a value that is no container."""
    kind = type(value)
    if kind in MAPPINGS:
        copied = value.copy()
        for key, inner in value.items():
            if type(inner) not in ATOMS:
                copied[key] = own(inner, leaf)
        return copied
    if kind in SEQUENCES:
        return kind(own(inner, leaf) for inner in value)
    return leaf(value)


def own_maps(conf: Any, leaf: Callable[[Any], Any]) -> list[Any]:
    """Copy the mappings of settings, so that no change in a copy, however deep, is one in the original.

    A mapping over an object, as over Django's settings, stays. Copies of its containers are found before it.
    """
    return [
        own(mapping, leaf) if type(mapping) in MAPPINGS else ChainMap(own(_containers(conf, mapping), leaf), mapping)
        for mapping in conf.maps
    ]


def keep_settings(undo: ExitStack, conf: Any) -> None:
    """Undoing puts back the contents of every container in the settings, in place."""
    seen: set[int] = set()
    kept: list[tuple[Any, Any, Callable[[Any, Any], None]]] = []
    undo.callback(_refill, kept)
    objects = [mapping for mapping in conf.maps if type(mapping) not in MAPPINGS]
    for value in (conf.maps, conf.defaults, *(_containers(conf, mapping) for mapping in objects)):
        _keep(kept, value, seen)


def _keep(kept: list[Any], value: Any, seen: set[int]) -> None:
    kind = type(value)
    if id(value) in seen:
        return
    seen.add(id(value))
    if kind in MAPPINGS:
        kept.append((value, dict(value), dict.update))
    elif kind is list:
        kept.append((value, list(value), list.extend))
    elif kind is set:
        kept.append((value, set(value), set.update))
    for inner in list(value.values() if kind in MAPPINGS else value):
        if type(inner) in CONTAINERS:
            _keep(kept, inner, seen)


def _refill(kept: list[tuple[Any, Any, Callable[[Any, Any], None]]]) -> None:
    for value, before, fill in reversed(kept):
        value.clear()
        fill(value, before)


def _containers(conf: Any, mapping: Any) -> dict[str, Any]:
    """Return the containers that Celery's settings have in a mapping over an object."""
    found = {name: mapping.get(name) for setting in _open_settings() for name in conf._to_keys(setting)}
    return {name: value for name, value in found.items() if type(value) in (*MAPPINGS, *SEQUENCES)}


@cache
def _open_settings() -> list[str]:
    options: Any = flatten(NAMESPACES)
    return [name for name, option in options if option.type in OPEN_TYPES]
