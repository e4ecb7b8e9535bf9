"""What a worker does over a change of the clock: the app of a real worker (`celery -A oracle.plan`), and of the kit.

Each half hour a message of its own publishes others, which wait, expire, or both.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from celery import Celery, signals

if TYPE_CHECKING:
    from collections.abc import Callable

HALF_HOUR = timedelta(minutes=30)
STEPS = 18


def options_at(now: datetime, zone: ZoneInfo) -> dict[str, dict[str, Any]]:
    """Every way to say when, by name, for a message that is published at `now` (aware)."""
    wall = now.astimezone(zone).replace(tzinfo=None)
    soon = timedelta(minutes=5)
    return {
        "countdown": {"countdown": 60},
        "long countdown": {"countdown": 3 * 1800},
        "eta aware": {"eta": now + soon},
        "eta in the zone": {"eta": (now + soon).astimezone(zone)},
        "eta by wall, first": {"eta": (wall + 3 * soon).replace(tzinfo=zone)},
        "eta by wall, second": {"eta": (wall + 3 * soon).replace(tzinfo=zone, fold=1)},
        "eta naive": {"eta": wall + soon},
        "expires in time": {"countdown": 120, "expires": 600},
        "expires": {"countdown": 600, "expires": 120},
        "expires at once": {"expires": 600},
        "expires at, in time": {"countdown": 120, "expires": now + soon},
        "expires at": {"countdown": 600, "expires": now + soon},
        "expires naive": {"countdown": 120, "expires": wall + soon},
        "expires in the zone": {"countdown": 600, "expires": (now + soon).astimezone(zone)},
    }


def make_app(zone: str, broker: str, write: Callable[[str], None], *, utc: bool = True) -> Celery:
    """An app whose worker hands `write` a line for each task that starts or expires: second, what, name."""
    app = Celery("plan", broker=broker, set_as_current=False, fixups=[])
    app.conf.update(
        timezone=zone,
        enable_utc=utc,
        task_ignore_result=True,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        # Beyond the plan. A message that waits longer than the first would be delivered twice. The server is in real
        # time: by the second the worker would think that it has fallen silent.
        broker_transport_options={"visibility_timeout": 10 * 86_400, "health_check_interval": 10 * 86_400},
    )

    def note(what: str, name: str) -> None:
        write(f"{datetime.now(timezone.utc).isoformat(timespec='seconds')} {what} {name}")

    @app.task(name="probe", shared=False)
    def probe(name: str) -> None:
        note("started", name)

    @app.task(name="publish", shared=False)
    def publish(step: int) -> None:
        now = datetime.now(timezone.utc)
        for way, options in options_at(now, ZoneInfo(zone)).items():
            probe.apply_async((f"{step} {way}",), **options)

    def expired(request: Any = None, expired: bool = False, **_: Any) -> None:
        if expired:
            note("expired", request.args[0])

    signals.task_revoked.connect(expired, sender=probe, weak=False)
    return app


def publish_plan(app: Celery) -> None:
    """Send what publishes the rest, half an hour apart, from a quarter of an hour ahead on."""
    now = datetime.now(timezone.utc) + HALF_HOUR / 2
    for step in range(STEPS):
        app.tasks["publish"].apply_async((step,), eta=now + step * HALF_HOUR)


if "ORACLE_BROKER" in os.environ:
    file = Path(os.environ["ORACLE_FILE"]).open("a", buffering=1)  # noqa: SIM115 - open as long as the program runs
    utc = os.environ["ORACLE_UTC"] == "yes"
    app = make_app(os.environ["ORACLE_ZONE"], os.environ["ORACLE_BROKER"], lambda line: print(line, file=file), utc=utc)
    app.set_current()
    signals.worker_ready.connect(lambda **_: publish_plan(app), weak=False)
