"""A copy runs in a fresh project: its checks, its migrations, and the README's day under its own cutoff.

tests/chaos/copy also runs the copied tests, and leaves out each room in turn.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from ..elsewhere import CUTOFFS
from .copies import COMMANDS, ENDS, copied_project, left_out, run

# django-celery-beat cannot be installed next to Django 6.1: there "all rooms" leaves out the room that needs it.
MISSING: set[str] = set() if find_spec("django_celery_beat") else {"beat"}


@pytest.fixture(scope="module", params=zip(ENDS, CUTOFFS, strict=True), ids=ENDS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh project with a copy, and with the lines that the command printed."""
    name, cutoff = request.param
    return copied_project(tmp_path_factory.mktemp("copy") / "project", left_out()[name] | MISSING, cutoff)


def test_copy_passes_checks_and_runs_the_day_of_the_readme(project: Path) -> None:
    """`check` and `makemigrations` find nothing, and `migrate` makes the tables. The original cannot be imported.

    A lost broker and a killed worker change nothing there either.
    """
    printed = run(project, "-c", COMMANDS)
    assert printed.startswith("System check identified no issues (0 silenced).\nNo changes detected\n")
    assert "Applying returns.0001_initial... OK" in printed
    assert "1 passed" in run(project, "-m", "pytest", "-q", "--ds", "tests.returns.settings", "tests/test_readme.py")
