"""`python -m tests.project.messages.record`: keep the messages of a new release, as they go to the broker.

Each release has a file in golden/. Its messages do not change after it, so a file that is there is never written again.
"""

import json
import os
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"
COMMAND = "python -m tests.project.messages.record"
PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
# When they are sent, in each release at the same instant; when they expire, and how many seconds they wait.
SENT = datetime(2026, 7, 15, 15, 0, 1, tzinfo=UTC)
EXPIRES, COUNTDOWN = SENT + timedelta(minutes=5), 30
WAYS: dict[str, dict[str, Any]] = {"plain": {}, "countdown": {"countdown": COUNTDOWN}, "expires": {"expires": EXPIRES}}


def release() -> str:
    """Return the version of this checkout."""
    return str(tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["version"])


def ours() -> dict[str, Any]:
    """Return the tasks of this project, by name."""
    from celery_app import app

    return {name: task for name, task in sorted(app.tasks.items()) if name.startswith("refunds.")}


def keywords(task: Any) -> dict[str, int]:
    """Return what the task cannot do without; each of them is the id of the first row."""
    parameters = signature(task.run).parameters.values()
    return {p.name: 1 for p in parameters if (p.default, p.kind) == (Parameter.empty, Parameter.KEYWORD_ONLY)}


def messages() -> dict[str, dict[str, Any]]:
    """Return each task's messages by the way they are sent, with queues, as kombu gives them to a broker."""
    from freezegun import freeze_time

    found: dict[str, dict[str, Any]] = {}
    with freeze_time(SENT):
        for name, task in ours().items():
            for way, options in WAYS.items():
                task.apply_async(kwargs=keywords(task), **options)
                found[f"{name} {way}"] = _take()
        for name in _send_from_beat():
            found[f"{name} beat"] = _take()
    return found


def _send_from_beat() -> Iterator[str]:
    """Send each message of the schedule as beat does, one after the other, and yield its task's name."""
    from celery.beat import ScheduleEntry, Scheduler

    from celery_app import app
    from refunds.notices.settings import evening_digest
    from refunds.schedule import beat_schedule

    scheduler: Any = Scheduler(app, schedule={}, lazy=True)
    for name, entry in (beat_schedule() | {"evening-digest": evening_digest()}).items():
        scheduler.apply_async(ScheduleEntry(name, app=app, **entry), advance=False)
        yield entry["task"]


def _take() -> dict[str, Any]:
    """Take the message that is in the in-memory queues. Raises LookupError where they are empty."""
    from celery_app import app

    with app.connection_for_read() as connection:
        for queue in app.amqp.queues.values():
            message: Any = queue(connection.default_channel).get(no_ack=True)
            if message is not None:
                # Who sent it: a process and the name of a machine, which nobody reads.
                message._raw["headers"]["origin"] = "gen1@example"
                return {"queue": queue.name, "message": message._raw}
    raise LookupError("nothing was sent")


def main() -> int:
    """Write the messages of this release, say where, and return the exit status."""
    file = FOLDER / f"{release()}.json"
    if file.exists():
        kept = f"{file.name} is there, and the messages of a release do not change"
        sys.stdout.write(f"{kept}: raise the version in pyproject.toml.\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    said = {"release": release(), "sent": SENT.isoformat(), "messages": messages()}
    file.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", "utf-8")
    sys.stdout.write(f"{len(said['messages'])} messages are in {file.name}: commit it.\n")
    return 0


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"  # whose broker is in this process
    import django

    import celery_app  # noqa: F401  # tasks belong to this app

    django.setup()
    sys.exit(main())
