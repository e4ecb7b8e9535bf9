"""What is tested is what is shipped."""

import os
from importlib.metadata import files

import pytest

import celery_app
import refunds

NEEDED = (
    "celery_app.py",
    "refunds/migrations/0001_initial.py",
    "refunds/py.typed",
    "refunds/templates/admin/refunds/returnrequest/change_list.html",
    "refunds/notices/templates/refunds_notices/opt_out.html",
)


@pytest.mark.skipif(os.environ.get("REFUNDS_TESTED") != "wheel", reason="run by tox, which installs the wheel")
def test_the_installed_wheel_is_tested_and_whole() -> None:
    """Under tox the package is the installed copy, with its templates, migrations and type marker."""
    for module in (refunds, celery_app):
        assert "site-packages" in str(module.__file__)
    shipped = {str(path) for path in files("refunds") or ()}
    assert set(NEEDED) <= shipped
    assert not [path for path in shipped if path.startswith("tests")]
