"""How to see that an internal is still there and does what the kit relies on."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .patching import resolve

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Seam:
    """One internal, what the kit does with it, and a look that raises or tells False when it has moved."""

    name: str
    use: str
    holds: Callable[[], Any]


def has(path: str, *names: str) -> Callable[[], bool]:
    """A look at attributes of `module:qualified.name` or of `module`."""

    def holds() -> bool:
        module, _, inner = path.partition(":")
        owner = importlib.import_module(module)
        owner = resolve(module, inner) if inner else owner
        return all(hasattr(owner, name) for name in names)

    return holds


def if_there(package: str, *names: str) -> Callable[[], bool]:
    """A look at a library that a suite may have or not."""
    return lambda: importlib.util.find_spec(package.partition(".")[0]) is None or has(package, *names)()


def takes(path: str, *names: str) -> Callable[[], bool]:
    """A look at the parameters of a function at `module:qualified.name`."""

    def holds() -> bool:
        module, _, inner = path.partition(":")
        importlib.import_module(module)
        code = resolve(module, inner).__code__
        return set(names) <= {*code.co_varnames, *code.co_names}

    return holds


def default_clock(module: str, path: str) -> Callable[[], bool]:
    """A look at a default argument that is the monotonic clock."""

    def holds() -> bool:
        importlib.import_module(module)
        return any(getattr(value, "__name__", "") == "monotonic" for value in resolve(module, path).__defaults__)

    return holds


def does(path: str, *looks: Callable[[], bool]) -> Callable[[], bool]:
    """A look at what the seam does, by the function at `module.name` of this package, after `looks` at its names."""

    def holds() -> bool:
        module, _, name = path.partition(".")
        # Imported only here: an import that fails there is a seam that has moved.
        behaves = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        return all(look() for look in (*looks, behaves))

    return holds
