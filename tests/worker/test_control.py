"""A remote control command warns where the workers do not listen to it."""

import logging
from unittest.mock import patch

import pytest
from celery import current_app
from celery.app.control import Control as Celerys
from pytest_django import Settings

from refunds.worker.control import Control


@pytest.mark.parametrize("is_on", [False, True])
def test_command_warns_where_remote_control_is_off(
    caplog: pytest.LogCaptureFixture, settings: Settings, is_on: bool
) -> None:
    """The warning names the setting, and the command is still sent. Celery alone only says that no node replied."""
    # Django's setting: up to Celery 5.6 it wins over a change of app.conf.
    settings.CELERY_WORKER_ENABLE_REMOTE_CONTROL = is_on
    with patch.object(Celerys, "broadcast", return_value=[]) as sent, caplog.at_level(logging.WARNING):
        assert Control(app=current_app).broadcast("ping", reply=True) == []
    sent.assert_called_once_with("ping", reply=True)
    assert ("set CELERY_WORKER_ENABLE_REMOTE_CONTROL " in caplog.text) is not is_on
