"""Which files belong to installed packages and to Python, and not to the application."""

from __future__ import annotations

import site
import sysconfig
from functools import cache
from pathlib import Path


@cache
def installed(path: Path) -> bool:
    """Tell whether a file, given by its resolved path, belongs to a package that is installed, or to Python."""
    # A virtual environment, or a copy of one, can be below the working directory.
    inside = {"site-packages", "dist-packages"} & set(path.parts)
    return bool(inside) or any(folder in path.parents for folder in _folders())


@cache
def _folders() -> list[Path]:
    named = [*site.getsitepackages(), site.getusersitepackages(), *sysconfig.get_paths().values()]
    return [Path(name).resolve() for name in named if name]
