"""A copy without any room, with all of them, and without each in turn passes its checks and its own tests."""

from pathlib import Path

import pytest

from ...project.copies import copied_project, left_out, run

# Seconds for the tests of a copy: they are most of the app's own.
TESTS_TAKE = 900


@pytest.mark.parametrize("name", list(left_out()))
def test_copy_passes_its_checks_and_its_tests(tmp_path: Path, name: str) -> None:
    """No line is edited by hand: the checks, the migrations, the README's day and the copied tests pass."""
    project = copied_project(tmp_path / "project", left_out()[name])
    run(project, "manage.py", "check", "--fail-level", "WARNING")
    run(project, "manage.py", "makemigrations", "--check")
    run(project, "manage.py", "migrate")
    printed = run(project, "-m", "pytest", "-q", "--ds", "tests.returns.settings", "tests", timeout=TESTS_TAKE)
    assert " passed" in printed
