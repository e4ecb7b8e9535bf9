"""The scenarios by name, each in a process that has become the web's; the importer has set the environment."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from celery import Celery
from django.core.management import call_command
from django.db import connections

from refunds.management.audit import run_audit

from ..crew import Crew
from ..pace import TooSlow
from . import audit, troubled
from .day import day
from .stage import Stage
from .threads import Threads

# By the names that tests.chaos.services.play knows.
SCENARIOS: dict[str, Callable[[Stage], list[str]]] = {
    "beat-down": troubled.beat_down,
    "day": day,
    "everything": troubled.everything,
    "last-moment": troubled.last_moment,
    "messages": troubled.messages,
    "postgres": troubled.postgres,
    "processes": troubled.processes,
    "rabbitmq": troubled.rabbitmq,
    "redis": troubled.redis,
    "ten-admins": troubled.ten_admins,
    "two-beats": troubled.two_beats,
}


@dataclass
class Said:
    """What there is to say of a scenario."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    # What the machine was too slow for.
    too_slow: str = ""


def perform(name: str, app: Celery, stage: Stage) -> Said:
    """Play a scenario to its end on an empty database."""
    call_command("migrate", verbosity=0)
    said = Said()
    memory = stage.site.kind.broker == "memory"
    try:
        with (
            Threads(stage.folder, app)
            if memory
            else Crew(stage.folder, os.environ, "tests.chaos.services.app") as stage.crew
        ):
            said.problems = SCENARIOS[name](stage)
    except TooSlow as late:
        said.too_slow = str(late)
        # Of a day that is not over, what must not be wrong at any moment.
        said.problems = run_audit().problems
    except (RuntimeError, TimeoutError) as error:
        said.problems = [str(error), f"left: {audit.unsettled(stage.cutoff)}"]
    said.lines = [*stage.notes, *audit.table()]
    connections.close_all()
    return said
