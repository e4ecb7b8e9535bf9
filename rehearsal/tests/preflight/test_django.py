"""A Django project with planted faults, and the repaired one, as a process of their own. Their database does not exist."""

from __future__ import annotations

import pytest

from .conftest import APPS
from .programs import preflight

pytest.importorskip("django_celery_beat")

FOUND = """\
shop/settings.py:13: error: S006 entry 'close', task 'shop.tasks.close': django_celery_beat.schedulers:DatabaseScheduler drops \
the option `expires`
"""


def test_faults_of_a_django_project_are_found() -> None:
    """Rules S006, S007, T001, T002, W001 and W002, each at its line."""
    done = preflight(APPS / "django_fails", "shop", "--format", "concise")
    assert done.stderr == ""
    assert done.stdout == FOUND
    assert done.returncode == 1


def test_repaired_project_passes() -> None:
    """Messages on commit, in nested functions and outside of transactions are no finding."""
    done = preflight(APPS / "django_passes", "shop", "--format", "concise")
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode == 0
