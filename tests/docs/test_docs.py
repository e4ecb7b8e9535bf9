"""The code blocks of README and docs run, and commands print what is shown."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import refunds

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# These set up environments and would run this very suite; CI runs them.
NOT_HERE = ("pip install tox",)


def blocks(language: str) -> list[tuple[str, str]]:
    found = [(page.name, BLOCK.findall(page.read_text("utf-8"))) for page in PAGES]
    return [(name, "\0".join(code for kind, code in of if kind == language)) for name, of in found if of]


def pages(language: str) -> list[object]:
    return [pytest.param(code.split("\0"), id=name) for name, code in blocks(language) if code]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", pages("python"))
def test_python_blocks_run(code: list[str]) -> None:
    """The blocks of a page run one after the other, and the tests that they define pass.

    A block that begins with a file's name is a quotation, and stands in that file.
    """
    names: dict[str, object] = {"__name__": "docs"}
    for block in code:
        if quoted := re.match(r"# (\S+\.py)\n(.*)", block, re.DOTALL):
            assert quoted[2].strip() in (ROOT / quoted[1]).read_text("utf-8")
            continue
        exec(compile(block, "docs", "exec"), names)
    for name, test in list(names.items()):
        if name.startswith("test_") and callable(test):
            test()


@pytest.mark.processes
@pytest.mark.parametrize("code", pages("console"))
def test_commands_print_what_is_shown(code: list[str], tmp_path: Path) -> None:
    """Commands succeed in an empty folder, and print the lines below them, where any are shown."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(str(refunds.__file__)).parents[1]),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
    }
    environment |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"CELERY_BROKER_URL": "memory://", "DJANGO_SETTINGS_MODULE": "refunds.project.settings"}
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(code), re.MULTILINE):
        if command.startswith(NOT_HERE):
            continue
        done = subprocess.run(
            command, check=False, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if shown.strip():
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            assert doctest.OutputChecker().check_output(shown, done.stdout, flags), done.stdout
