"""A storm from its first charge to the reckoning; the importer has set up Django."""

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django.db.models import Max, Sum
from django.utils import timezone

from refunds import queries
from refunds.domain.returns import Status
from refunds.models import Refund, ReturnRequest

from ..crew import CHILDREN
from ..pace import Stuck, TooSlow, Watch
from . import business, reckoning
from .crew import WORKERS, StormCrew
from .options import Options
from .provider import Provider
from .proxy import Proxy

# Seconds between looks at the rows, and between lines about what is left.
LOOK = 0.5
SAY_EVERY = 15
# Seconds without any change after which work is stuck: four times what a refund may wait for its next attempt here.
STALLED = 120.0


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
        # What the machine was too slow for.
        self.too_slow = ""

    def rage(self) -> tuple[list[str], list[str]]:
        """Let it happen; what there is to say of it, and what must not have happened.

        Where the time is up and refunds still move, `too_slow` says so, and only what must not be wrong at any moment
        is held against the books. Raises RuntimeError for a database that is not empty, and where a process ends that
        nobody killed.
        """
        call_command("migrate", verbosity=0)
        if ReturnRequest.objects.exists():
            raise RuntimeError("there are return requests in this database: a storm needs an empty one")
        business.receive(self._provider, list(business.sales(self._chosen.refunds, self._draw)), timezone.now())
        with self._crew:
            started = time.monotonic()
            business.press(timezone.now())
            stuck = self._outlast(started)
            self._seconds = time.monotonic() - started
        self._proxy.settle()
        lines, problems = self._reckon()
        connections.close_all()
        return lines, [*stuck, *problems]

    def _outlast(self, started: float) -> list[str]:
        """Kill and look, until nothing is left to pay or the time is up; return what is stuck."""
        try:
            self._kill_until_paid(started)
        except Stuck as stuck:
            return [str(stuck)]
        except TooSlow as late:
            self.too_slow = str(late)
        return []

    def _kill_until_paid(self, started: float) -> None:
        pause = threading.Event()
        watch = Watch(stalled=STALLED, within=self._chosen.within)
        next_kill, next_word = self._chosen.kill_every or self._chosen.within, float(SAY_EVERY)
        while not watch.look(f"{left:,} refunds" if (left := self._left()) else ""):
            elapsed = time.monotonic() - started
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
            ReturnRequest.objects.filter(queries.REQUESTED),
            Refund.objects.filter(queries.UNPAID),
            Refund.objects.filter(queries.UNDER_WAY),
        )
        return sum(rows.count() for rows in waiting)

    def _reckon(self) -> tuple[list[str], list[str]]:
        owed, given = business.owed(), self._provider.given()
        problems = [*reckoning.problems(owed, given, settled=not self.too_slow), *self._proxy.broken]
        problems += [f"{count} tasks ended by {name}" for name, count in self._crew.unforeseen().items()]
        unapproved = ReturnRequest.objects.exclude(status=Status.APPROVED).count()
        if unapproved and not self.too_slow:
            problems.append(f"{unapproved} requests were not approved")
        return [*reckoning.table(owed, given), *self._said()], problems

    def _said(self) -> list[str]:
        chosen, counts = self._chosen, self._proxy.counts
        # None of both where no refund is approved yet.
        sums = Refund.objects.aggregate(all=Sum("attempts"), most=Max("attempts"))
        attempts, most = sums["all"] or 0, sums["most"] or 0
        spoilt = counts.total() - counts["passed on"]
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if name != "passed on")
        kills = ", ".join(f"{count} {name}" for name, count in sorted(self._crew.ended.items()))
        return [
            "",
            f"{attempts:,} attempts, at most {most} for a refund; {counts.total():,} calls",
            f"{spoilt:,} calls spoilt: {kinds}",
            f"{len(WORKERS)} workers of {CHILDREN} children; {kills or 'nobody killed'}",
            f"{self._seconds:.0f} s from the press of the button; seed {chosen.seed}",
        ]
