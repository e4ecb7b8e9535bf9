"""What differs from one release of Celery or kombu to the next, told by clusters of the installed ones.

`python -m kit.releases` prints it. The columns of docs/celery-releases.md are these answers.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from celery import Celery
from celery.schedules import crontab, schedule
from celery_rehearsal import VirtualCelery, extras

if TYPE_CHECKING:
    from collections.abc import Callable

KYIV = ZoneInfo("Europe/Kyiv")
SPRING = datetime(2026, 3, 28, 12, 0, tzinfo=KYIV)  # the day before the clocks go forward
AUTUMN = datetime(2026, 10, 24, 12, 0, tzinfo=KYIV)  # the day before they go back
SECOND_PASS = datetime(2026, 10, 25, 3, 0, fold=1, tzinfo=KYIV)
HOUR = timedelta(hours=1)


class OwnError(BaseException):
    """What Celery does not take for an error of the task."""


def nothing() -> None:
    """The body of a task."""


def make_app(backend: str = "rpc://", **entries: Any) -> Any:
    """An app in Kyiv, whose beat sends one task by each entry."""
    app = Celery("releases", broker="amqp://broker.invalid//", backend=backend, fixups=[])
    app.conf.update(timezone="Europe/Kyiv")
    for name, entry in entries.items():
        app.conf.beat_schedule[name] = {"task": name, "schedule": entry}
        app.task(name=name, shared=False)(nothing)

    @app.task(name="leaves", shared=False)
    def leaves() -> None:
        raise OwnError

    return app


def runs(app: Any, task: str, start: datetime, until: datetime) -> list[datetime]:
    """The local times at which a task started."""
    with VirtualCelery(app, start=start, any_version=True) as celery:
        celery.run_until(until)
        return [record.at.astimezone(KYIV) for record in celery.timeline.of("started", task)]


def evening() -> str:
    """`crontab(hour=18, minute=0)` beside an hourly entry, on the day on which clocks go forward"""
    app = make_app(evening=crontab(hour=18, minute=0), hourly=crontab(minute=15))
    found = runs(app, "evening", SPRING, SPRING + timedelta(days=1, hours=10))
    return f"{found[-1]:%H:%M}"


def minutely() -> str:
    """`timedelta(minutes=1)` in the second pass of the hour that comes twice"""
    app = make_app(minutely=schedule(timedelta(minutes=1)))
    found = runs(app, "minutely", SECOND_PASS - 2 * HOUR, SECOND_PASS + HOUR)
    return f"{len([at for at in found if SECOND_PASS.timestamp() < at.timestamp()])} of 60 runs"


def daily() -> str:
    """`timedelta(days=1)` since noon, on the second day after clocks went back"""
    found = runs(make_app(daily=schedule(timedelta(days=1))), "daily", AUTUMN, AUTUMN + timedelta(days=2))
    return f"{found[-1]:%H:%M}"


def own_error() -> str:
    """the state of a task after a `BaseException` of its own, with JSON results"""
    app = make_app("cache+memcached://results.invalid/")
    with VirtualCelery(app, start=SPRING, beats=0, any_version=True) as celery:
        sent = app.tasks["leaves"].delay()
        celery.advance(HOUR)
        return str(sent.state)


def forgotten() -> str:
    """`forget()` of a result on `rpc://`"""
    app = make_app()
    with VirtualCelery(app, start=SPRING, beats=0, any_version=True) as celery:
        sent = app.tasks["leaves"].delay()
        celery.advance(HOUR)
        try:
            sent.forget()
        except NotImplementedError:
            return "NotImplementedError"
    return "forgets it"


def restored() -> str:
    """a lost worker's message on Redis, `visibility_timeout=60` and `unacked_restore_throttle=1`"""
    app = make_app(evening=crontab(hour=18, minute=0))
    options = {"visibility_timeout": 60, "unacked_restore_throttle": 1}
    app.conf.update(broker_url="redis://broker.invalid/0", broker_transport_options=options, task_acks_late=True)
    with VirtualCelery(app, start=SPRING, workers=2, beats=0, any_version=True) as celery:
        celery.kill_worker(during="evening")
        app.tasks["evening"].delay()
        celery.advance(HOUR)
        (record,) = celery.timeline.of("redelivered")
        return f"back after {(record.at - SPRING).seconds} s"


FACTS: list[Callable[[], str]] = [evening, minutely, daily, own_error, forgotten]
# Of kombu's releases, of which one release of Celery takes several.
KOMBU_FACTS: list[Callable[[], str]] = [] if extras.missing("redis") else [restored]


def main() -> None:
    """Print a line for each fact."""
    for fact in FACTS + KOMBU_FACTS:
        sys.stdout.write(f"| {fact.__doc__} | {fact()} |\n")


if __name__ == "__main__":
    main()
