"""One naive ETA, two times: under the kit, and by a real worker process whose host is in a zone.

`python -m kit.host` is the real worker, in the zone of its TZ. It sends the message when it is ready, prints what it
saw, and shuts itself down.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

from celery import Celery, signals
from celery.worker import state
from celery_rehearsal import Timeline, VirtualCelery
from celery_rehearsal.watch import Watch

# Seconds.
AHEAD = 2
END = 4


def make_app() -> Celery:
    """An app whose settings name no zone, so that it is in UTC wherever its host is."""
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False, fixups=[])
    app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False, worker_redirect_stdouts=False)

    @app.task(name="soon", shared=False)
    def soon() -> None:
        pass

    @app.task(name="end", shared=False)
    def end() -> None:
        pass

    return app


def publish(app: Celery) -> None:
    """Send a task for `AHEAD` seconds from now, as the host's wall clock tells it."""
    eta = datetime.now() + timedelta(seconds=AHEAD)  # noqa: DTZ005  # naive, as much code has it
    app.tasks["soon"].apply_async(eta=eta)
    app.tasks["end"].apply_async(countdown=END)


def story(timeline: Timeline) -> dict[str, Any]:
    """In whole seconds after it was sent: when the worker means to run it, and when it ran."""
    (sent,) = timeline.of("sent", "soon")
    planned = [record.when for record in timeline.of("scheduled", "soon")]
    started = [record.at for record in timeline.of("started", "soon")]
    return {
        "planned": [round((at - sent.at).total_seconds()) for at in planned if at],
        "started": [round((at - sent.at).total_seconds()) for at in started],
    }


def virtual(zone: str, start: datetime) -> dict[str, Any]:
    """The story under the kit."""
    app = make_app()
    with VirtualCelery(app, start=start, beats=0, host_zone=zone) as celery:
        publish(app)
        celery.advance(seconds=END)
        return story(celery.timeline)


class Ending(Timeline):
    """A timeline that ends the worker after the last record."""

    def add(self, record: Any) -> None:
        super().add(record)
        if (record.kind, record.task) == ("succeeded", "end"):
            vars(state)["should_stop"] = 0


def main() -> None:
    """Run the real worker, solo pool, until the last task has run."""
    from contextlib import ExitStack

    app = make_app()
    timeline = Ending(timezone.utc)
    watch = Watch([app], timeline, lambda: datetime.now(timezone.utc))
    signals.worker_ready.connect(lambda **_: publish(app), weak=False)
    with ExitStack() as undo:
        watch.connect(undo)
        flags = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        try:
            app.worker_main(["worker", "--pool=solo", "--loglevel=ERROR", *flags])
        finally:
            sys.stdout.write(json.dumps(story(timeline)) + "\n")


if __name__ == "__main__":
    main()
