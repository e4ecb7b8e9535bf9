"""Remote control is off unless the environment says otherwise, and whoever sends a command is told so."""

import logging
import os
import subprocess
import sys
from unittest.mock import patch

import pytest
from celery.app.control import Control as Celerys
from pytest_django import Settings

from celery_app import app

READ = "from celery_app import app; print(app.conf.worker_enable_remote_control)"


@pytest.mark.parametrize(("said", "is_on"), [({}, False), ({"CELERY_WORKER_ENABLE_REMOTE_CONTROL": "1"}, True)])
def test_remote_control_is_read_from_the_environment(said: dict[str, str], is_on: bool) -> None:
    """Off by default, so that nobody who reaches the broker can shut a worker down."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "DJANGO_"))}
    environment = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
        **said,
    }
    read = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True)
    assert read.stdout.strip() == str(is_on)


@pytest.mark.parametrize("is_on", [False, True])
def test_command_warns_where_remote_control_is_off(
    caplog: pytest.LogCaptureFixture, settings: Settings, is_on: bool
) -> None:
    """`celery inspect`, which would only say that no node replied, names the setting, and still sends the command."""
    # By Django's setting: up to Celery 5.6 it wins over a change of app.conf.
    settings.CELERY_WORKER_ENABLE_REMOTE_CONTROL = is_on
    with patch.object(Celerys, "broadcast", return_value=[]) as sent, caplog.at_level(logging.WARNING):
        assert app.control.broadcast("ping", reply=True) == []
    sent.assert_called_once_with("ping", reply=True)
    assert ("set CELERY_WORKER_ENABLE_REMOTE_CONTROL=1" in caplog.text) is not is_on
