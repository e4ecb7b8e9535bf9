"""The program `celery worker` of the default project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

READ = "from celery_app import app; print(app.conf.worker_enable_remote_control)"


@pytest.mark.parametrize(("said", "is_on"), [({}, False), ({"CELERY_WORKER_ENABLE_REMOTE_CONTROL": "1"}, True)])
def test_remote_control_is_read_from_the_environment(said: dict[str, str], is_on: bool) -> None:
    """It is off by default, so that no other client of the broker can shut a worker down."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "DJANGO_"))}
    environment = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
        **said,
    }
    read = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True)
    assert read.stdout.strip() == str(is_on)


# What `celery worker` makes before it starts; nothing has set Django up yet.
PROGRAM = """
from celery.signals import task_postrun, task_prerun
from celery_app import app
app.Worker(pool="solo")
from refunds.worker import connections
for signal in (task_prerun, task_postrun):
    print(connections._check in [reference() for _, reference in signal.receivers])
"""


def test_worker_program_checks_its_database_connections() -> None:
    """It is connected to the signals before and after each task when Celery sends that it starts."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "refunds.project.settings", "CELERY_BROKER_URL": "memory://"}
    environment["DATABASE_URL"] = "sqlite://:memory:"  # a worker refuses a file that is not there
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    root = Path(__file__).parents[2]
    said = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert said == "True\nTrue\n"
