"""What is tested is what is shipped."""

import os
from importlib.metadata import files
from pathlib import Path

import pytest

import celery_app
import refunds
from refunds.project.app import app

CHECKOUT = Path(__file__).parents[1]


def test_celery_app_of_the_clone_is_the_projects() -> None:
    """`celery -A celery_app` in a clone and `celery -A refunds.project.app` anywhere are one application."""
    assert celery_app.app is app


@pytest.mark.skipif(os.environ.get("REFUNDS_TESTED") != "wheel", reason="run by tox, which installs the wheel")
def test_installed_wheel_is_tested_and_whole() -> None:
    """Under tox the package is the installed copy, with each file of the checkout, and no other package next to it."""
    assert "site-packages" in str(refunds.__file__)
    shipped = {path.as_posix() for path in files("refunds") or ()}
    package = (path for path in (CHECKOUT / "refunds").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert {path.relative_to(CHECKOUT).as_posix() for path in package} <= shipped
    # A module such as `celery_app` would meet another project's at the top of site-packages.
    tops = {name.partition("/")[0] for name in shipped}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"refunds"}
