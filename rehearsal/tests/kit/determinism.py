"""A scenario for a process of its own: prints the timeline of a cluster with every kind of fault in it."""

from __future__ import annotations

import sys
from datetime import timedelta

from celery.schedules import crontab
from celery_rehearsal import VirtualCelery

from .conftest import NOON
from .shop import make_app


def main(transport: str, seed: int) -> None:
    """Run two days of entries that are due together, jittered retries, and faults."""
    app = make_app(broker_transport_options={"visibility_timeout": 1800})
    app.conf.beat_schedule = {
        name: {"task": task, "schedule": crontab(hour="*/6", minute=0)}
        for name, task in {"one": "note", "two": "late", "three": "limited", "four": "flaky"}.items()
    }

    @app.task(name="jitter", shared=False, autoretry_for=(ValueError,), retry_backoff=60)
    def jitter() -> None:
        raise ValueError

    with VirtualCelery(app, start=NOON, transport=transport, workers=2, beats=2, seed=seed) as celery:
        for value in range(5):
            app.tasks["limited"].delay(value)
            jitter.delay()
            app.tasks["late"].apply_async((value,), countdown=value * 600)
        celery.kill_worker(during="late")
        celery.advance(timedelta(hours=1))
        celery.start_worker()
        celery.deliver_twice(celery.timeline.of("sent")[-1].id)
        celery.advance(timedelta(days=2))
        sys.stdout.write(f"{celery.timeline}\n")
        sys.stdout.write("\n".join(f"{record.id} {record.at.isoformat()}" for record in celery.timeline))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
