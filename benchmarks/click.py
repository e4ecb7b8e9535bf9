"""The click: the button's page and its press in a real web process, among decided returns, under load.

The press is timed by the browser, from connecting to the last byte of the redirect.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from . import load, servers
from .browser import PAGE, Answer, Browser
from .load import Work
from .measure import Times
from .report import Figure, Skipped, Table
from .run import Options
from .sessions import transaction
from .stage import PLACES, Stage
from .web import Site, web

SIZES = (10_000, 1_000_000)
# In each round at each size; and of those by a process that has answered nothing yet.
CLICKS, FIRST = 25, 3
# Milliseconds that 95 of 100 presses take at most, and the page at the larger size.
PRESS, SHOW = 50, 150
# The press takes as long at both sizes, but for what differs between two rounds at the same.
SAME = 1.25
LONG_AGO = timedelta(hours=1)
NOTE = (
    "One child of a Celery worker decides and pays returns of the same database, and {readers} browsers look "
    "at lists, each for {pause} s. gunicorn with two workers; for the first click one, which has answered nothing yet. "
    "The page is measured without load: the worker's returns are pending too, and would be counted."
)


@dataclass
class Found:
    """Milliseconds at one size: of presses, of first ones, and of pages, a list for each round; MiB of a worker."""

    presses: list[list[float]] = field(default_factory=list)
    firsts: list[list[float]] = field(default_factory=list)
    pages: list[list[float]] = field(default_factory=list)
    peak: float = 0.0


@dataclass(frozen=True)
class Place:
    """A database with so many pending returns, the sites on it, and the work that goes on in it."""

    site: Site
    fresh: Site
    work: Work
    found: Found = field(default_factory=Found)

    def click(self, clicks: int, first: int) -> None:
        """A round of clicks under load. Raises RuntimeError where that ended before, or two presses were one."""
        early, browser = self.fresh.browser(), self.site.browser()
        # Each press needs a page of its own, or it leads to the sweep of the one before. They are asked for before the
        # load begins: at the larger size a page takes longer than its press, and is measured apart.
        first_pages = [early.get(PAGE) for _ in range(first)]
        pages = [browser.get(PAGE) for _ in range(clicks)]
        pressed = []
        with load.load(self.work, self.site):
            for page in first_pages:
                self.fresh.renew()
                pressed.append(self.press(early, page))
            pressed += [self.press(browser, page) for page in pages]
        if len({sweep for sweep, _ in pressed}) < len(pressed):
            raise RuntimeError("two presses led to one sweep: their pages had the same token")
        took = [answer.seconds * 1_000 for _, answer in pressed]
        firsts, presses = took[:first], took[first:]
        self.found.firsts.append(firsts)
        self.found.presses.append(presses)
        self.found.peak = self.site.peak

    def press(self, browser: Browser, page: Answer) -> tuple[int, Answer]:
        """Press, and take away the sweep and its entry in the log: a page from before another sweep is refused."""
        sweep, answer = browser.press(page)
        gone = ("DELETE FROM django_admin_log", f"DELETE FROM refunds_sweep WHERE id = {sweep}")  # a number
        transaction(self.work.url, gone, datetime.now(UTC))
        return sweep, answer


def measure(options: Options, *, clicks: int = CLICKS, first: int = FIRST, work: int = load.ROWS) -> Iterator[Table]:
    """A table for each database; one whose server is missing, or Redis, says so."""
    sizes = SIZES if options.rows is None else (max(1, options.rows // 100), options.rows)
    for name, opened in PLACES.items():
        try:
            with opened() as place:
                yield _measure(place, sizes, options, clicks=clicks, first=first, work=work)
        except Skipped as reason:
            yield Table(f"The click on {name}", (), f"Skipped: {reason}")


def _measure(stage: Stage, sizes: Sequence[int], options: Options, *, clicks: int, first: int, work: int) -> Table:
    now = datetime.now(UTC)
    with ExitStack() as stack:
        stack.enter_context(stage.stocked("stock", options.decided, now))
        places = [stack.enter_context(_place(stage, size, options.decided, work)) for size in sizes]
        for _ in range(options.rounds):
            for place in places:
                place.click(clicks, first)
        for size, place in zip(sizes, places, strict=True):
            place.found.pages.extend(_pages(stage, size, options, clicks))
        note = NOTE.format(readers=load.READERS, pause=load.PAUSE)
        title = f"The click on {stage.name} among {options.decided:,} decided: {options.rounds} rounds of {clicks}"
        return Table(title, _figures(sizes, [place.found for place in places]), note)


@contextmanager
def _place(stage: Stage, size: int, decided: int, work: int) -> Iterator[Place]:
    name, now = f"pending_{size}", datetime.now(UTC)
    # A broker for the worker's sweep, and one where the presses' messages stay: their sweeps would eat up what waits.
    with servers.redis() as busy, servers.redis() as quiet, stage.copied("stock", name) as url:
        stage.add(name, decided + 1, work, now)
        working = Work(url, busy)
        working.start()
        # A press counts again where a sweep began within a minute of its page.
        transaction(url, ("UPDATE refunds_sweep SET started_at = '{at}' WHERE closed_at IS NULL",), now - LONG_AGO)
        stage.add(name, decided + work + 1, size, now)
        pressed = Work(url, quiet).environment
        with web(pressed) as site, web(pressed, workers=1) as fresh:
            yield Place(site, fresh, working)


def _pages(stage: Stage, size: int, options: Options, clicks: int) -> list[list[float]]:
    """Milliseconds of pages, for each round, in a copy where nothing but so many returns is pending, without load."""
    name, now = f"page_{size}", datetime.now(UTC)
    with ExitStack() as stack:
        stack.enter_context(stage.pending("stock", name, options.decided + 1, size, now))
        broker = stack.enter_context(servers.redis())
        browser = stack.enter_context(web(Work(stage.url(name), broker).environment)).browser()
        browser.get(PAGE)  # a database that was just copied is read for the first time
        return [[browser.get(PAGE).seconds * 1_000 for _ in range(clicks)] for _ in range(options.rounds)]


def _figures(sizes: Sequence[int], found: Sequence[Found]) -> list[Figure]:
    figures = []
    for size, one in zip(sizes, found, strict=True):
        both = [press + early for press, early in zip(one.presses, one.firsts, strict=True)]
        at = f"at {size:,} pending"
        figures += [_figure(f"press {at}, p{percent}", one.presses, percent) for percent in (50, 99)]
        figures += [
            _figure(f"press {at}, p95, first ones included", both, 95, goal=PRESS),
            _figure(f"first press of a process {at}, slowest", one.firsts, 100, goal=PRESS),
            _figure(f"page {at}, p50", one.pages, 50, goal=SHOW),
            _figure(f"page {at}, p95", one.pages, 95),
            Figure(f"peak of a web worker {at}", [one.peak], unit="MiB"),
        ]
    few, many = ([Times(each).percentile(95) for each in one.presses] for one in (found[0], found[-1]))
    return [*figures, Figure(f"press, p95, {sizes[-1]:,} by {sizes[0]:,} pending", many, few, "ms", SAME)]


def _figure(name: str, rounds: Sequence[Sequence[float]], percent: int, goal: float | None = None) -> Figure:
    return Figure(name, [Times(each).percentile(percent) for each in rounds], unit="ms", goal=goal)
