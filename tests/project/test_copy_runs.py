"""A copy runs in a fresh project: its checks, its migrations, and the README's day under its own cutoff.

tests/chaos/copy also runs the copied tests, and leaves out each room in turn.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from ..elsewhere import CUTOFFS
from .copies import ENDS, copied_project, left_out, run

# django-celery-beat cannot be installed next to Django 6.1: there "all rooms" leaves out the room that needs it.
MISSING: set[str] = set() if find_spec("django_celery_beat") else {"beat"}


@pytest.fixture(scope="module", params=zip(ENDS, CUTOFFS, strict=True), ids=ENDS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh project with a copy, and with the lines that the command printed."""
    name, cutoff = request.param
    return copied_project(tmp_path_factory.mktemp("copy") / "project", left_out()[name] | MISSING, cutoff)


def test_copy_passes_the_checks(project: Path) -> None:
    """With what was printed pasted, `check` finds nothing."""
    assert run(project, "manage.py", "check", "--fail-level", "WARNING") == (
        "System check identified no issues (0 silenced).\n"
    )


def test_migrations_of_the_copy_fit_its_models(project: Path) -> None:
    """`makemigrations` has nothing to add, and `migrate` makes the tables."""
    assert run(project, "manage.py", "makemigrations", "--check") == "No changes detected\n"
    assert "Applying returns.0001_initial... OK" in run(project, "manage.py", "migrate")


def test_day_of_the_readme_runs_in_the_copy(project: Path) -> None:
    """A lost broker and a killed worker change nothing there either. The original cannot be imported."""
    printed = run(project, "-m", "pytest", "-q", "--ds", "tests.returns.settings", "tests/test_readme.py")
    assert "1 passed" in printed
