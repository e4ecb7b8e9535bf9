"""An application for simulations: `celery -A preflight.simulate_shop simulate` runs it in virtual time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import Celery
from celery.bin.base import CLIContext
from celery.schedules import crontab
from celery_rehearsal.preflight.simulate_command import simulate
from click.testing import CliRunner, Result

# Each minute of one hour of the day.
MINUTELY = {"task": "shop.poll", "schedule": crontab(minute="*", hour=0)}
DAILY = {"task": "shop.close", "schedule": crontab(hour=18, minute=0)}
HOURLY = {"task": "shop.sync", "schedule": crontab(minute=0)}
EACH_DAY = {"task": "shop.clean", "schedule": timedelta(days=1)}

FROM = ("--from", "2027-01-01T00:00Z")

# What the tasks of the last app have done. A simulation without --real leaves it empty.
effects: list[str] = []


def make_shop(entries: dict[str, Any], broker: str = "amqp://broker.invalid//", **settings: Any) -> Celery:
    """An app with these entries. Its broker does not exist."""
    effects.clear()
    app = Celery("shop", broker=broker, set_as_current=False, fixups=[])
    # Beat takes it for an app of default options. The tests' process keeps the current app that it has.
    vars(app)["set_as_current"] = True
    # Without result_expires, beat adds an entry of its own, celery.backend_cleanup.
    app.conf.update({"timezone": "UTC", "result_expires": None, "beat_schedule": entries, **settings})
    for name in ("close", "poll", "sync", "clean"):

        @app.task(shared=False, name=f"shop.{name}")
        def leave_a_trace(word: str = "ran") -> None:
            if word == "boom":
                raise ValueError(word)
            effects.append(word)

    return app


app = make_shop({"sync": HOURLY})


def call(app: Celery, *arguments: str) -> Result:
    """What the command does and prints."""
    context = CLIContext(app=app, no_color=True, workdir=None)
    return CliRunner().invoke(simulate, (*FROM, *arguments), obj=context)


def counts(done: Result, entry: str) -> dict[str, str]:
    """The table's line of an entry, by heading, without what is 0."""
    # Older releases of kombu write there how many messages they restore.
    assert done.exit_code in {0, 1}, done.stderr
    lines = done.stdout.splitlines()
    heading = next(line for line in lines if line.startswith("entry "))
    names = [name for name in heading.split("  ") if name]
    row = next(line for line in lines[lines.index(heading) :] if line.startswith(f"{entry}  "))
    cells = [cell for cell in row.split("  ") if cell]
    found = {name.strip(): cell.strip() for name, cell in zip(names, cells, strict=True)}
    return {name: cell for name, cell in found.items() if cell not in {"0", "0 s", entry}}
