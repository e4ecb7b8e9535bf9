"""The default project's settings of broker, workers, results and beat, from the environment."""

from pathlib import Path
from typing import Any

import pytest

from .production import python, setting
from .running import SETUP

pytestmark = pytest.mark.processes

ASK = """{
    "queues": [(queue.exchange.type, queue.queue_arguments) for queue in settings.CELERY_TASK_QUEUES],
    "options": getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}),
    "redbeat": {name: getattr(settings, name) for name in dir(settings) if "REDBEAT" in name or "LOOP" in name},
    "apps": [app for app in settings.INSTALLED_APPS if app.startswith("django_celery")],
}"""
RABBITMQ = {"CELERY_BROKER_URL": "amqp://guest@localhost//"}
DATABASE = "django_celery_beat.schedulers:DatabaseScheduler"
REDBEAT = {"CELERY_BROKER_URL": "redis://broker:6379/0", "CELERY_BEAT_SCHEDULER": "redbeat.RedBeatScheduler"}
OTHER = {"CELERY_REDBEAT_REDIS_URL": "redis://other:6379/2", "CELERY_REDBEAT_KEY_PREFIX": "shop:"}
BROKERS = {"CELERY_REDBEAT_REDIS_URL": REDBEAT["CELERY_BROKER_URL"], "CELERY_REDBEAT_KEY_PREFIX": "redbeat:"}
# RedBeat waits for its lock for five of these: for less than a minute.
SHORT = {"CELERY_BEAT_MAX_LOOP_INTERVAL": 10}
CASES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "nothing": ({}, {"apps": [], "redbeat": {}}),
    # A message counts as sent when RabbitMQ confirms it.
    "RabbitMQ": (RABBITMQ | {"REFUNDS_QUEUE_TYPE": "classic"}, {"options": {"confirm_publish": True}}),
    "classic queues": ({"REFUNDS_QUEUE_TYPE": "classic"}, {"queues": [["direct", {"x-queue-type": "classic"}]] * 4}),
    # With a direct exchange, a countdown would block a worker.
    "quorum queues": ({"REFUNDS_QUEUE_TYPE": "quorum"}, {"queues": [["topic", {"x-queue-type": "quorum"}]] * 4}),
    "results and schedules in the database": (
        {"CELERY_RESULT_BACKEND": "django-db", "CELERY_BEAT_SCHEDULER": DATABASE},
        {"apps": ["django_celery_results", "django_celery_beat"]},
    ),
    "short name": ({"CELERY_BEAT_SCHEDULER": "django"}, {"apps": ["django_celery_beat"]}),
    "long name": ({"CELERY_BEAT_SCHEDULER": DATABASE}, {"apps": ["django_celery_beat"]}),
    "ours": ({"CELERY_BEAT_SCHEDULER": "refunds.beat.scheduler:DeclaredScheduler"}, {"apps": ["django_celery_beat"]}),
    "RedBeat": (REDBEAT, {"redbeat": BROKERS | SHORT}),
    "RedBeat elsewhere": (REDBEAT | OTHER, {"redbeat": OTHER | SHORT}),
}


@pytest.mark.parametrize("case", CASES)
def test_environment_names_broker_queues_results_and_scheduler(tmp_path: Path, case: str) -> None:
    """Each setting follows its variable. Apps and settings that nothing asks for are not there."""
    environment, expected = CASES[case]
    found = setting(tmp_path, ASK, **environment)
    assert {name: found[name] for name in expected} == expected


# What `celery worker` makes before it starts; nothing has set Django up yet.
PROGRAM = """
from celery.signals import task_postrun, task_prerun
from celery_app import app
app.Worker(pool="solo")
from refunds.worker import connections
receivers = [[reference() for _, reference in signal.receivers] for signal in (task_prerun, task_postrun)]
print(app.conf.worker_enable_remote_control, *(connections._check in each for each in receivers))
"""


@pytest.mark.parametrize(("asked", "is_on"), [({}, False), ({"CELERY_WORKER_ENABLE_REMOTE_CONTROL": "1"}, True)])
def test_worker_program_checks_connections_and_is_not_controlled_remotely(
    tmp_path: Path, asked: dict[str, str], is_on: bool
) -> None:
    """The checks run before and after each task. By default, no other client of the broker can shut a worker down."""
    # A worker refuses a database file that is not there.
    environment = {"CELERY_BROKER_URL": "memory://", "DATABASE_URL": "sqlite://:memory:", **asked}
    done = python(tmp_path, "-W", "ignore", "-c", PROGRAM, environment=environment)
    assert done.stdout == f"{is_on} True True\n"


ALONE = f"""
import sys
sys.modules["django_celery_beat"] = None  # as where it is not installed: an import fails
{SETUP}
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("health")
"""


def test_django_celery_beat_is_imported_only_on_request(tmp_path: Path) -> None:
    """App, migrations and health do without it."""
    assert python(tmp_path, "-c", ALONE).stdout == "All is well.\n"
