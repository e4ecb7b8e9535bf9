"""What the default project makes of what the environment says of broker, results and beat."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.embedded.running import LONG, ROOT

ASK = """
import json
from refunds import settings
print(json.dumps({
    "arguments": [queue.queue_arguments for queue in settings.CELERY_TASK_QUEUES],
    "exchanges": [queue.exchange.type for queue in settings.CELERY_TASK_QUEUES],
    "options": getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}),
    "apps": [app for app in settings.INSTALLED_APPS if app.startswith("django_celery")],
}))
"""


def settings_for(**environment: str) -> Any:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("CELERY_", "REFUNDS_"))}
    found = subprocess.run(
        [sys.executable, "-c", ASK],
        env=ours | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=True,
    )
    return json.loads(found.stdout)


def test_rabbitmq_confirms_what_it_takes() -> None:
    """On RabbitMQ a message counts as sent when the broker says so; other brokers do not know the option."""
    assert settings_for(CELERY_BROKER_URL="amqp://guest@localhost//")["options"] == {"confirm_publish": True}
    assert settings_for(CELERY_BROKER_URL="redis://localhost")["options"] == {}


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_queues_are_of_the_kind_that_is_asked_for(kind: str) -> None:
    """REFUNDS_QUEUE_TYPE names it; the exchange is a topic, without which a countdown would block a quorum queue's."""
    found = settings_for(REFUNDS_QUEUE_TYPE=kind)
    assert found["arguments"] == [{"x-queue-type": kind}] * 4
    assert found["exchanges"] == ["topic"] * 4


def test_packages_are_installed_for_what_needs_them() -> None:
    """The apps of results and schedules in the database are there where the environment asks for these."""
    assert settings_for()["apps"] == []
    asked = settings_for(
        CELERY_RESULT_BACKEND="django-db", CELERY_BEAT_SCHEDULER="django_celery_beat.schedulers:DatabaseScheduler"
    )
    assert asked["apps"] == ["django_celery_results", "django_celery_beat"]
