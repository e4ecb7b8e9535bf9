"""Find the files to copy: the installed package, and the tests of a clone."""

import ast
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

from .errors import CannotCopy

PACKAGE: Final = Path(__file__).parents[2]
NAME: Final = PACKAGE.name
# Only a clone has this file next to the package.
CLONE: Final = PACKAGE.parent / "pyproject.toml"
# Do not copy the default project, and its entry `python -m refunds`.
NEVER: Final = frozenset({"project", "__main__.py", "__pycache__"})
# The folders of tests that need only the core.
CORE_TESTS: Final = (
    *("admin", "commands", "day", "domain", "gateways", "messages", "operations", "rows", "text"),
    *("__init__.py", "conftest.py"),
)


def tests_folder(named: Path | None) -> Path:
    """Return the folder of the app's tests: `named`, or the one of this clone.

    Raises CannotCopy.
    """
    folder = named or CLONE.with_name("tests")
    if named is None and not CLONE.is_file():
        raise CannotCopy(
            "the tests are not part of the installed package: name the tests folder of a clone by --tests, or leave "
            "them out by --without-tests"
        )
    if not (folder / "factories.py").is_file():
        raise CannotCopy(f"{folder} has no factories.py: name the tests folder of a clone by --tests")
    return folder


def licence() -> Path | None:
    """Return the licence's file, which every copy must contain; None if the package was installed without it."""
    if CLONE.is_file():
        return CLONE.with_name("LICENSE")
    try:
        found = [file for file in files(NAME) or () if file.name == "LICENSE"]
    except PackageNotFoundError:
        return None
    return Path(str(found[0].locate())) if found else None


def below(folder: Path) -> Iterator[Path]:
    """Yield each file below a folder, or the file itself. Leave out compiled and hidden files."""
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and path.name != "__pycache__":
            yield from below(path)


def imported(file: Path, root: Path) -> Iterator[str]:
    """Yield the dotted names that a Python file imports from the package in the folder `root`, relative to `root`.

    `..stripe.ids` in notices/sending.py is `stripe.ids`, and so is `refunds.stripe.ids` in any file.
    """
    parts = file.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            named = [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [(node.level, ".".join(filter(None, (node.module, alias.name)))) for alias in node.names]
        else:
            continue
        for level, name in named:
            if level:
                yield ".".join((*parts[: len(parts) - level + 1], name))
            elif name.startswith(f"{root.name}."):
                yield name.removeprefix(f"{root.name}.")


def constants(file: Path) -> frozenset[str]:
    """Return the names that a module assigns."""
    if not file.is_file():
        return frozenset()
    found: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(found)
