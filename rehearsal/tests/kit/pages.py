"""The pages of the documentation, their code blocks, and a folder in which those run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import celery_rehearsal

FOLDER = Path(celery_rehearsal.__file__).parent
ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))]

# What a page can be about and the kit does not bring.
OPTIONAL = {
    "django",
    "django_celery_beat",
    "opentelemetry",
    "pytest_asyncio",
    "pytest_django",
    "redbeat",
    "sentry_sdk",
}

# What a page says that uses a plugin of pytest without an import.
PLUGINS = {"pytest.mark.asyncio": "pytest_asyncio", "DJANGO_SETTINGS_MODULE": "pytest_django"}

INI = "[pytest]\naddopts = --strict-markers\n"


def blocks(document: str, language: str) -> list[str]:
    """The document's code blocks of a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", document, flags=re.DOTALL | re.MULTILINE)
    return [dedent(body) for _indent, body in found]


def files(document: str) -> dict[str, str]:
    """The files that the page's blocks make.

    A block that begins with a comment of a file's name opens that file or goes on with it. Any other goes on with the
    file of the block before; without one, with page.py.
    """
    made: dict[str, str] = {}
    for language, first in (("ini", "pytest.ini"), ("python", "page.py")):
        name = first
        for block in blocks(document, language):
            opened = re.match(r"# (\w+\.(?:py|ini))\n", block)
            name = opened[1] if opened else name
            made[name] = made.get(name, "") + block + "\n"
    return made


def missing(document: str) -> set[str]:
    """The optional packages that the page imports, or names as a plugin, and that are not installed."""
    trees = [ast.parse(code) for name, code in files(document).items() if name.endswith(".py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    wanted = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    wanted |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    named = {name.partition(".")[0] for name in wanted}
    named |= {plugin for words, plugin in PLUGINS.items() if any(words in code for code in files(document).values())}
    return {name for name in named & OPTIONAL if find_spec(name) is None}


def process(arguments: list[str], folder: Path, *, path: list[Path]) -> subprocess.CompletedProcess[str]:
    """A Python process in the folder, warnings being errors, without this suite's settings. It has ended."""
    unwanted = ("PYTEST", "DJANGO", "COVERAGE", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def run(arguments: list[str], folder: Path, *, path: list[Path]) -> str:
    """What the process prints. Fails the test where the process fails."""
    finished = process(arguments, folder, path=path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def write(made: dict[str, str], folder: Path) -> None:
    """Write the files, and a configuration for pytest where the page has none."""
    for name, code in {"pytest.ini": INI, **made}.items():
        (folder / name).write_text(code)


def pytest_in(folder: Path, *options: str, plugin: str = "celery_rehearsal.plugin") -> list[str]:
    """The arguments of a Python that runs the tests of a folder, with the plugin or a copy of it."""
    # pytest-asyncio warns, where it is installed, of a setting that pages without coroutines do not have.
    other = [] if "asyncio_mode" in (folder / "pytest.ini").read_text() else ["-p", "no:asyncio"]
    return ["-m", "pytest", "-q", "-s", *other, *options, "-p", plugin, "-p", "no:cacheprovider", f"--rootdir={folder}"]
