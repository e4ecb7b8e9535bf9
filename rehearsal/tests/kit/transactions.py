"""A scenario for a process of its own: tasks that wait inside a transaction of Django, with settings of its own.

Prints what happened, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
)
django.setup()

from celery_rehearsal import BadUseError, NotSimulatedError, VirtualCelery, sent_inside_atomic  # noqa: E402 - Django is set up first
from django.core.management import call_command  # noqa: E402 - as above
from django.db import IntegrityError, connection, transaction  # noqa: E402 - as above
from django.test import TestCase  # noqa: E402 - as above

from .conftest import NOON  # noqa: E402 - as above
from .shop import make_app  # noqa: E402 - as above


def main() -> None:
    """Kill a task in its transaction; then ask the database while another waits in one."""
    from django.contrib.contenttypes.models import ContentType

    call_command("migrate", verbosity=0)
    app = make_app()
    told: dict[str, Any] = {}

    def names() -> list[str]:
        return sorted(ContentType.objects.filter(app_label="told").values_list("model", flat=True))

    @app.task(name="writes", shared=False)
    def writes(model: str) -> None:
        with transaction.atomic():
            ContentType.objects.create(app_label="told", model=model)
            time.sleep(60)

    with transaction.atomic(), VirtualCelery(app, start=NOON, workers=2) as celery:
        writes.delay("killed")
        celery.advance(timedelta(seconds=3))
        celery.kill_worker("worker1")
        told["after the kill"] = names(), len(connection.savepoint_ids)
        writes.delay("kept")
        celery.advance(timedelta(seconds=3))
        try:
            names()
        except NotSimulatedError as error:
            told["refused"] = str(error)
        celery.run_until_idle()
        told["at the end"] = names(), len(connection.savepoint_ids)
    told["broken"] = broken(app, held=True)
    told["not held"] = broken(app, held=False)
    told["sent inside"] = sent_inside(app)
    told["refused"] = [told["refused"], *refused_recordings(app)]
    sys.stdout.write(json.dumps(told))


def broken(app: Celery, *, held: bool) -> list[str]:
    """Catch an error of the database in one task, and ask in another; with and without a transaction of the test."""
    from django.contrib.contenttypes.models import ContentType

    ContentType.objects.get_or_create(app_label="told", model="twice")

    @app.task(name=f"catches {held}", shared=False)
    def catches() -> None:
        with contextlib.suppress(IntegrityError):
            ContentType.objects.create(app_label="told", model="twice")

    @app.task(name=f"asks {held}", shared=False, bind=True)
    def asks(self: Any, *, again: bool) -> None:
        try:
            ContentType.objects.exists()
        except transaction.TransactionManagementError as error:
            if again:
                raise self.retry(exc=error, countdown=1, max_retries=1) from error
            raise

    def details() -> list[str]:
        with VirtualCelery(app, start=NOON) as celery:
            catches.delay()
            asks.delay(again=False)
            asks.delay(again=True)
            celery.run_until_idle()
            return [record.detail for record in celery.timeline if record.kind in {"failed", "retried"}]

    if not held:
        return details()
    with transaction.atomic():
        found = details()
        transaction.set_rollback(True)
    return found


def sent_inside(app: Celery) -> list[str]:
    """Send in the block of a TestCase, on commit, and inside blocks of the application."""

    @app.task(name="confirm", shared=False)
    def confirm(order: str) -> None:
        pass

    @transaction.atomic
    def place(order: str) -> None:
        confirm.delay(order)

    class Sends(TestCase):
        def runTest(self) -> None:  # noqa: N802 - as unittest calls it
            with sent_inside_atomic() as self.found:
                confirm.delay("in the block of a TestCase")
                with self.captureOnCommitCallbacks(execute=True), transaction.atomic():
                    transaction.on_commit(lambda: confirm.delay("on commit"))
                place("inside a function")
                with transaction.atomic(), transaction.atomic():
                    app.send_task("confirm", ["inside two blocks"])
            place("not recorded")

    case = Sends()
    with VirtualCelery(app, start=NOON):
        result = case.run()
    assert result is not None
    assert result.wasSuccessful(), result
    return list(map(repr, case.found))


def refused_recordings(app: Celery) -> list[str]:
    """Record in eager mode, and where Django's blocks are not what they were."""
    refused = []
    try:
        with app_in_eager_mode(app), sent_inside_atomic():
            pass
    except BadUseError as error:
        refused.append(str(error))
    try:
        with VirtualCelery(app, start=NOON), sent_inside_atomic(), transaction.atomic():
            del vars(connection.atomic_blocks[0])["_from_testcase"]
            app.send_task("confirm", ["one"])
    except AttributeError as error:
        refused.append(str(error))
    return refused


@contextlib.contextmanager
def app_in_eager_mode(app: Celery) -> Iterator[None]:
    """Turn eager mode on for a while."""
    app.conf.task_always_eager = True
    app.set_current()
    yield
    app.conf.task_always_eager = False


if __name__ == "__main__":
    main()
