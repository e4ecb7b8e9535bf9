"""The default project's settings of broker, results and beat, from the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .running import LONG, ROOT

pytestmark = pytest.mark.processes

ASK = """
import json
from refunds.project import settings
print(json.dumps({
    "arguments": [queue.queue_arguments for queue in settings.CELERY_TASK_QUEUES],
    "exchanges": [queue.exchange.type for queue in settings.CELERY_TASK_QUEUES],
    "options": getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}),
    "redbeat": {name: getattr(settings, name) for name in dir(settings) if "REDBEAT" in name or "LOOP" in name},
    "apps": [app for app in settings.INSTALLED_APPS if app.startswith("django_celery")],
}))
"""


def run(code: str, **environment: str) -> str:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "REFUNDS_"))}
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=ours | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=True,
    )
    return found.stdout


def settings_for(**environment: str) -> Any:
    return json.loads(run(ASK, **environment))


def test_rabbitmq_confirms_messages() -> None:
    """On RabbitMQ a message counts as sent when the broker confirms it."""
    assert settings_for(CELERY_BROKER_URL="amqp://guest@localhost//")["options"] == {"confirm_publish": True}


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_queue_type_is_read_from_the_environment(kind: str) -> None:
    """REFUNDS_QUEUE_TYPE names it; a quorum queue's exchange is a topic, or a countdown would block a worker."""
    found = settings_for(REFUNDS_QUEUE_TYPE=kind)
    assert found["arguments"] == [{"x-queue-type": kind}] * 4
    assert found["exchanges"] == [{"classic": "direct", "quorum": "topic"}[kind]] * 4


def test_apps_are_installed_for_results_and_schedules() -> None:
    """The apps of results and schedules in the database are there where the environment asks for these."""
    assert settings_for()["apps"] == []
    asked = settings_for(
        CELERY_RESULT_BACKEND="django-db", CELERY_BEAT_SCHEDULER="django_celery_beat.schedulers:DatabaseScheduler"
    )
    assert asked["apps"] == ["django_celery_results", "django_celery_beat"]


@pytest.mark.parametrize(
    "scheduler",
    ["django", "django_celery_beat.schedulers:DatabaseScheduler", "refunds.beat.scheduler:DeclaredScheduler"],
)
def test_each_scheduler_of_the_database_installs_its_tables(scheduler: str) -> None:
    """By its short name, its long one, and where ours stands on it."""
    assert settings_for(CELERY_BEAT_SCHEDULER=scheduler)["apps"] == ["django_celery_beat"]


def test_redbeat_is_told_its_redis_and_waits_less_than_a_minute_for_its_lock() -> None:
    """The broker's Redis, unless another is named; nothing of it where another scheduler runs."""
    broker = {"CELERY_BROKER_URL": "redis://broker:6379/0", "CELERY_BEAT_SCHEDULER": "redbeat.RedBeatScheduler"}
    names = {"CELERY_REDBEAT_REDIS_URL": "redis://other:6379/2", "CELERY_REDBEAT_KEY_PREFIX": "shop:"}
    told = {"CELERY_REDBEAT_REDIS_URL": "redis://broker:6379/0", "CELERY_REDBEAT_KEY_PREFIX": "redbeat:"}
    assert settings_for()["redbeat"] == {}
    assert settings_for(**broker)["redbeat"] == {**told, "CELERY_BEAT_MAX_LOOP_INTERVAL": 10}
    assert settings_for(**broker, **names)["redbeat"] == {**names, "CELERY_BEAT_MAX_LOOP_INTERVAL": 10}


ALONE = """
import sys
sys.modules["django_celery_beat"] = None  # as where it is not installed: an import fails
import celery_app, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("health")
"""


def test_django_celery_beat_is_imported_by_nothing_that_did_not_ask_for_it(tmp_path: Path) -> None:
    """App, migrations and health do without it."""
    asked = {
        "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
    }
    assert run(ALONE, **asked) == "All is well.\n"
