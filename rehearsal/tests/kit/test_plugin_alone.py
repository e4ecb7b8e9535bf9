"""The plugin in a suite where the kit cannot run: its own tests fail, and say why; no other test does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import celery_rehearsal
import pytest

SOURCE = Path(celery_rehearsal.__file__).parents[1]

CONFTEST = """
import pytest

@pytest.fixture
def virtual_celery_app():
    from celery import Celery

    return Celery("shop", broker="amqp://broker.invalid//", set_as_current=False, fixups=[])
"""

UNRELATED = """
def test_unrelated():
    assert True
"""

TESTS = """
def test_in_virtual_time(virtual_celery):
    pass

def test_beside_it():
    pass
"""

# What a package does when it is imported. pytest brings `packaging`, and time-machine has a plugin of its own.
BROKEN = {
    "celery": 'raise ImportError("this one is broken")',
    "greenlet": 'raise ImportError("this one is broken")',
    "kombu": 'raise RuntimeError("this one is broken")',
}


def run_suite(folder: Path, start: str = "", conftest: str = CONFTEST) -> tuple[int, str]:
    """The exit status and the output of pytest on a little suite in the folder."""
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_unrelated.py").write_text(UNRELATED)
    (folder / "test_time.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO"))}
    plugins = ["-p", "celery_rehearsal.plugin", "-p", "no:randomly", "-p", "no:asyncio"]
    code = f"import pytest\n{start}\nraise SystemExit(pytest.main({plugins}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=keep | {"PYTHONPATH": os.pathsep.join([str(folder / "broken"), str(SOURCE)])},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("module", BROKEN)
def test_an_import_that_fails_fails_the_kits_tests_alone(tmp_path: Path, module: str) -> None:
    """The error of the test has the text of the import's."""
    package = tmp_path / "broken" / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(BROKEN[module])
    status, printed = run_suite(tmp_path)
    assert "2 passed, 1 error" in printed, printed
    assert "ERROR at setup of test_in_virtual_time" in printed
    assert "this one is broken" in printed
    assert status == pytest.ExitCode.TESTS_FAILED


def test_an_unsupported_celery_fails_the_kits_tests_alone(tmp_path: Path) -> None:
    """Its number is in the error."""
    fixture = """
@pytest.fixture(autouse=True)
def _another_release(monkeypatch):
    from celery_rehearsal import seams

    monkeypatch.setitem(seams.SUPPORTED, "celery", ">=99")
"""
    _status, printed = run_suite(tmp_path, conftest=CONFTEST + fixture)
    assert "2 passed, 1 error" in printed, printed
    assert "is not supported (releases >=99" in printed


def test_an_old_pytest_fails_the_kits_tests_alone(tmp_path: Path) -> None:
    """The plugin's hooks have a form that pytest 7 does not know."""
    _status, printed = run_suite(tmp_path, "pytest.version_tuple = (7, 4, 4)")
    assert "2 passed, 1 error" in printed, printed
    assert "the fixtures need pytest 8" in printed


def test_a_suite_without_clusters_imports_no_celery(tmp_path: Path) -> None:
    """The plugin costs a suite that does not use it the import of one module."""
    (tmp_path / "test_imports.py").write_text(
        "import sys\ndef test_imports():\n    assert not {'celery', 'greenlet', 'time_machine'} & set(sys.modules)\n"
    )
    env = {"PYTHONPATH": str(SOURCE), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "celery_rehearsal.plugin", "test_imports.py"],
        cwd=tmp_path,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
