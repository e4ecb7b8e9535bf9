"""A copy without any room, with all of them, and without each in turn passes its checks and its own tests.

CI runs the copied tests without any room and with all of them: `tox run -e copies -- -k "checks or rooms"`.
"""

from pathlib import Path

import pytest

from ...project.copies import copied_project, left_out, run

# Seconds for the tests of a copy on a busy machine: they are most of the app's own.
TESTS_TAKE = 1800


@pytest.mark.parametrize("name", list(left_out()))
def test_copy_passes_its_checks(tmp_path: Path, name: str) -> None:
    """No line is edited by hand: the checks, the migrations and the README's day pass."""
    project = copied_project(tmp_path / "project", left_out()[name])
    run(project, "manage.py", "check", "--fail-level", "WARNING")
    run(project, "manage.py", "makemigrations", "--check")
    run(project, "manage.py", "migrate")
    day = run(project, "-m", "pytest", "-q", "--ds", "tests.returns.settings", "tests/test_readme.py")
    assert "2 passed" in day


@pytest.mark.parametrize("name", list(left_out()))
def test_copied_tests_pass(tmp_path: Path, name: str) -> None:
    """They pass in the copy, under its label and its cutoff, and import no module of the original."""
    project = copied_project(tmp_path / "project", left_out()[name])
    options = ["-q", "-m", "not long", "--ds", "tests.returns.settings"]
    assert " passed" in run(project, "-m", "pytest", *options, "tests", timeout=TESTS_TAKE)
