"""A deployment in use: its processes, the returns that come in during it, and waiting for what is to happen."""

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q
from django.utils import timezone

from refunds.frozen import freeze
from refunds.models import Chunk, ReturnRequest, Sweep, new_key
from refunds.operations import button, sweeps

from ..crew import Crew
from ..pace import TooSlow, Watch
from .messages import Raw
from .site import Site
from .threads import Threads

CURRENCIES = ("EUR", "GBP", "UAH")
# Seconds between looks.
LOOK = 0.05
# Seconds within which whatever is waited for happens also on a busy machine: far more than it takes.
LONG = 90.0
# Seconds that work may take in all while it moves. A day is settled in a few seconds on an idle machine.
LONGEST = 600.0
# Seconds within which what comes in is committed, on a busy machine.
COMMIT = timedelta(seconds=1)
T = TypeVar("T")


class Stage:
    """One deployment with its day; `cutoff` is the next 18:00."""

    def __init__(self, site: Site, cutoff: datetime, draw: random.Random, folder: Path) -> None:
        self.site = site
        # The scenario puts them here.
        self.crew: Crew | Threads
        self.cutoff = cutoff
        self.draw = draw
        self.folder = folder
        self.received = 0
        self.presses = 0
        # Besides: returns that come in while anything waits, so many at each look.
        self.trickle = 0
        # Of how many returns one has an address: a mail takes longer than all else of a return.
        self.mail_every = 10
        # Messages that were on the broker once, and what happened, with its second.
        self.kept: list[Raw] = []
        self.notes: list[str] = []
        self._began = time.monotonic()

    def open(self, *, workers: int = 1, beats: int = 1) -> None:
        """Start processes, and wait until each serves. Raises TooSlow where the day is over by then."""
        names = [f"worker{number}" for number in range(1, workers + 1)]
        for name in names:
            self.crew.start_worker(name)
        for number in range(1, beats + 1):
            self.crew.start_beat(f"beat{number}")
            names.append(f"beat{number}")
        try:
            self.until("processes serve", lambda: all(self.crew.ready(name) for name in names))
        except TimeoutError as error:  # none has ended: they are still starting
            raise TooSlow(str(error)) from error
        self.in_time()

    def in_time(self) -> None:
        """Raises TooSlow where the cut-off has come."""
        if timezone.now() >= self.cutoff:
            raise TooSlow("18:00 came before the processes served")

    def receive(self, count: int) -> None:
        """Take in return requests now, each once, whatever happens to the database."""
        rows = self._arriving(count)

        def take_in() -> None:
            now = timezone.now()
            if self.cutoff - COMMIT < now < self.cutoff:
                # Received before it and committed after it, they would be declined a day later (operations.md).
                Event().wait((self.cutoff - now).total_seconds())
                now = timezone.now()
            for row in rows:
                row.requested_at = row.received_at = now
            ReturnRequest.objects.bulk_create(rows, ignore_conflicts=True)

        self.insist(take_in)
        self.received += count

    def _arriving(self, count: int) -> list[ReturnRequest]:
        return [
            ReturnRequest(
                key=new_key(),
                order_line=f"{self.received + number}/1",
                quantity=1,
                amount_minor=self.draw.randint(1, 50_000),
                currency=self.draw.choice(CURRENCIES),
                customer=f"c-{number % 50}",
                customer_email="" if number % self.mail_every else f"c-{self.received + number}@example.com",
            )
            for number in range(count)
        ]

    def plan(self, sweep: Sweep) -> None:
        """Part a sweep into chunks and send their messages, as a worker does."""
        self.insist(lambda: sweeps.plan_sweep(sweep.pk, timezone.now()))

    def press(self) -> Sweep:
        """Approve all that is there, as the button does; the sweep that this began."""
        self.presses += 1
        key = f"press {self.presses}"
        sweep, _ = self.insist(lambda: button.start_approve(key=key, frozen=freeze(), by=None, now=timezone.now()))
        return sweep

    def is_planned(self) -> bool:
        """Whether the last press has got its chunks, or came too late for any."""
        last = Sweep.objects.filter(key=f"press {self.presses}")
        return last.filter(Q(planned_at__isnull=False) | Q(closed_at__isnull=False)).exists()

    def chunks_left(self) -> int:
        """How many chunks of open sweeps wait to be decided."""
        return self.insist(Chunk.objects.filter(done_at=None, sweep__closed_at=None).count)

    def insist(self, act: Callable[[], T]) -> T:
        """Do it on the database, again and again while that is away."""
        ends = time.monotonic() + LONG
        while True:
            try:
                return act()
            except (OperationalError, InterfaceError):
                if time.monotonic() > ends:
                    raise
                connection.close()
                Event().wait(LOOK)

    def until(self, what: str, happened: Callable[[], bool], within: float = LONG) -> None:
        """Wait for it, while returns trickle in. Raises TimeoutError, and RuntimeError for a process that ended."""
        ends = time.monotonic() + within
        while not self.insist(happened):
            self.crew.check()
            if time.monotonic() > ends:
                raise TimeoutError(f"{what}: not within {within:.0f} s")
            if self.trickle:
                self.receive(self.trickle)
            Event().wait(LOOK)

    def until_settled(self, unsettled: Callable[[], str]) -> None:
        """Wait until nothing is left to settle. Raises Stuck, and TooSlow where things move for too long."""
        watch = Watch(stalled=LONG, within=LONGEST)
        self.until("all is settled", lambda: watch.look(unsettled()), LONGEST + LONG)

    def pass_by(self, seconds: float) -> None:
        """Let so much time go by, while returns trickle in."""
        ends = time.monotonic() + seconds
        self.until("time goes by", lambda: time.monotonic() >= ends, seconds + LONG)

    def until_cutoff(self, before: float = 0) -> None:
        """Wait for the cut-off, or for so many seconds before it. Raises TooSlow where that has gone by."""
        left = (self.cutoff - timezone.now()).total_seconds() - before
        if left < 0:
            raise TooSlow(f"18:00 came, or was {before:g} s away, before what was to happen before it")
        self.pass_by(left)

    def note(self, happened: str) -> None:
        """Keep it for the reader of the scenario's report."""
        self.notes.append(f"{time.monotonic() - self._began:5.1f} s  {happened}")

    def letters(self) -> list[str]:
        """A line for each mail that went out."""
        box = self.folder / "letters"
        return box.read_text().splitlines() if box.exists() else []
