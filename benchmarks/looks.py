"""A superuser who asks for pages with Django's client, in this process, and what each page took."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client

from .browser import FIELD, PAGE, SWEEP
from .measure import Real

# Runs that are not counted: the first one of a process imports and compiles, and reads pages from the disk.
WARM = 2


class Look(NamedTuple):
    """A page: milliseconds of each run, and of the shortest one the statements and their part of it."""

    name: str
    runs: Sequence[float]
    statements: int
    database: float


class Operator:
    """A superuser. `looks` are those of the present scene."""

    def __init__(self, runs: int) -> None:
        self.runs = runs
        self.looks: list[Look] = []
        self.user = User.objects.create_superuser("bench", password=None)
        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(self.user)

    def page(self, name: str, address: str, *, kept: bool = False) -> None:
        """Measure a page by GET."""
        self.time(name, lambda _: self.read(address), kept=kept)

    def confirmation(self, address: str, action: str, query: str) -> None:
        """Measure the page on which an action is confirmed for all rows of a list."""
        form = {"action": action, "select_across": "1", "index": "0", "_selected_action": "0"}
        self.time(f"{action} of {query}", lambda _: self.read(f"{address}?{query}", form))

    def press(self, text: str) -> int:
        """Press the button of its page; return the sweep's id. Raises RuntimeError if no sweep began."""
        answer = self.client.post(PAGE, dict(FIELD.findall(text)))
        if found := SWEEP.match(answer.headers.get("Location", "")):
            return int(found[1])
        raise RuntimeError("a press started no sweep; if the cutoff has just passed, run it again")

    def read(self, address: str, form: dict[str, str] | None = None) -> str:
        """Return the page, by POST if a form is given. Raises RuntimeError if it is not answered by a page."""
        answer = self.client.get(address) if form is None else self.client.post(address, form)
        if answer.status_code != HTTPStatus.OK:
            raise RuntimeError(f"{address} was answered by {answer.status_code}")
        return answer.content.decode()

    def time(
        self, name: str, act: Callable[[Any], object], before: Callable[[], object] = str, *, kept: bool = False
    ) -> None:
        """Measure what `act` does with what `before` returns. The cache is empty, unless it is to be `kept`."""
        runs: list[Look] = []
        for _ in range(WARM + self.runs):
            given, spent = before(), list[float]()
            if not kept:
                cache.clear()
            with connection.execute_wrapper(_timed(spent)):
                began = Real.clock()
                act(given)
                took = Real.clock() - began
            runs.append(Look(name, [1_000 * took], len(spent), 1_000 * sum(spent)))
        shortest = min(runs[WARM:], key=lambda look: look.runs[0])
        took_each = [took for look in runs[WARM:] for took in look.runs]
        self.looks.append(shortest._replace(name=f"{name}, kept" if kept else name, runs=took_each))


def _timed(spent: list[float]) -> Callable[..., Any]:
    def execute(run: Callable[..., object], *arguments: object) -> object:
        began = Real.clock()
        try:
            return run(*arguments)
        finally:
            spent.append(Real.clock() - began)

    return execute
