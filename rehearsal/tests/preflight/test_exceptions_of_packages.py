"""An exception of an installed package that does not survive: its class is not the application's to change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal.preflight.check import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.loaded import LoadedApp

PACKAGE = """
class Refused(Exception):
    def __init__(self, message, *, status):
        super().__init__(message)
        self.status = status
"""
APP = """
from celery import Celery
from http_of_a_package import Refused

app = Celery("shop")
app.conf.update(task_time_limit=60)


@app.task(name="shop.send", autoretry_for=(Refused,))
def send():
    pass
"""


def test_the_fix_is_in_the_task(
    opened: Callable[..., LoadedApp], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not tell the application to change the package."""
    installed = tmp_path_factory.mktemp("installed")
    Path(installed, "http_of_a_package.py").write_text(PACKAGE, "utf-8")
    monkeypatch.syspath_prepend(str(installed))
    found = {each.rule: each for each in check(opened(APP)).findings}
    assert found["R011"].message == "`Refused` does not come back from the result store as itself"
    assert found["R011"].fix == "Catch it in the task, and raise an exception of your own."
