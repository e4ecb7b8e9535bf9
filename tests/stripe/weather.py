"""A storm from its first charge to the reckoning; Django is set up by whoever imports this."""

import os
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django.db.models import Max, Sum
from django.utils import timezone

from refunds import store
from refunds.domain import cutoff
from refunds.domain.returns import Status
from refunds.models import Refund, ReturnRequest

from ..crew import CHILDREN
from . import business, reckoning
from .crew import WORKERS, StormCrew
from .options import Options
from .provider import Provider
from .proxy import Proxy

# Seconds between looks at the rows, and between lines about what is left.
LOOK = 0.5
SAY_EVERY = 15


class Storm:
    """One storm on an empty database."""

    def __init__(
        self, chosen: Options, folder: Path, provider: Provider, proxy: Proxy, say: Callable[[str], None]
    ) -> None:
        self._chosen = chosen
        self._say = say
        self._provider = provider
        self._proxy = proxy
        self._draw = random.Random(chosen.seed)
        self._crew = StormCrew(folder, os.environ, self._draw)
        self._seconds = 0.0

    def rage(self) -> tuple[list[str], list[str]]:
        """Let it happen; what there is to say of it, and what must not have happened.

        Raises RuntimeError for a database that is not empty, and where a process ends that nobody killed.
        """
        call_command("migrate", verbosity=0)
        if ReturnRequest.objects.exists():
            raise RuntimeError("there are return requests in this database: a storm wants an empty one")
        began = timezone.now()
        business.receive(self._provider, list(business.sales(self._chosen.refunds, self._draw)), began)
        with self._crew:
            started = time.monotonic()
            business.press(timezone.now())
            self._outlast(started)
            self._seconds = time.monotonic() - started
        self._proxy.settle()
        said = self._reckon(began)
        connections.close_all()
        return said

    def _outlast(self, started: float) -> None:
        """Kill and look, until nothing is left to pay or the time is up."""
        pause = threading.Event()
        next_kill, next_word = self._chosen.kill_every or self._chosen.within, float(SAY_EVERY)
        while (left := self._left()) and (elapsed := time.monotonic() - started) < self._chosen.within:
            self._crew.check()
            if elapsed >= next_kill:
                self._crew.kill_one()
                next_kill = elapsed + self._chosen.kill_every
            if elapsed >= next_word:
                self._say(f"{elapsed:4.0f} s: {left:,} left")
                next_word += SAY_EVERY
            pause.wait(LOOK)

    def _left(self) -> int:
        """What is still to be decided, paid or looked up."""
        waiting = (
            ReturnRequest.objects.filter(store.PENDING),
            Refund.objects.filter(store.UNPAID),
            Refund.objects.filter(store.UNDER_WAY),
        )
        return sum(rows.count() for rows in waiting)

    def _reckon(self, began: datetime) -> tuple[list[str], list[str]]:
        owed, given = business.owed(), self._provider.given()
        problems = [*reckoning.problems(owed, given), *self._proxy.broken]
        problems += [f"{count} tasks ended by {name}" for name, count in self._crew.unforeseen().items()]
        if unapproved := ReturnRequest.objects.exclude(status=Status.APPROVED).count():
            why = (
                "18:00 in Kyiv came between, run it again" if cutoff.latest(timezone.now()) > began else "nobody knows"
            )
            problems.append(f"{unapproved} requests were not approved: {why}")
        return [*reckoning.table(owed, given), *self._said()], problems

    def _said(self) -> list[str]:
        chosen, counts = self._chosen, self._proxy.counts
        attempts = Refund.objects.aggregate(all=Sum("attempts"), most=Max("attempts"))
        spoilt = counts.total() - counts["passed on"]
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if name != "passed on")
        kills = ", ".join(f"{count} {name}" for name, count in sorted(self._crew.ended.items()))
        return [
            "",
            f"{attempts['all']:,} attempts, at most {attempts['most']} for a refund; {counts.total():,} calls",
            f"{spoilt:,} calls spoilt: {kinds}",
            f"{len(WORKERS)} workers of {CHILDREN} children; {kills or 'nobody killed'}",
            f"{self._seconds:.0f} s from the press of the button; seed {chosen.seed}",
        ]
