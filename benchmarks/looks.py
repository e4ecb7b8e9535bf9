"""A superuser who asks for pages with Django's client, in this process, and what each page took."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
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
    """A page: milliseconds of each run, its statements, and the least processor time of a run in milliseconds.

    The processor time is that of this process and of PostgreSQL's, if that is on this machine.
    """

    name: str
    runs: Sequence[float]
    statements: int
    processor: float


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
        took: list[float] = []
        busy: list[float] = []
        asked: list[object] = []

        def ask(run: Callable[..., object], *statement: object) -> object:
            asked.append(statement)
            return run(*statement)

        for _ in range(WARM + self.runs):
            given = before()
            asked.clear()
            if not kept:
                cache.clear()
            with connection.execute_wrapper(ask):
                began, spent = Real.clock(), _processor()
                act(given)
                busy.append(1_000 * (_processor() - spent))
                took.append(1_000 * (Real.clock() - began))
        name = f"{name}, kept" if kept else name
        self.looks.append(Look(name, took[WARM:], len(asked), min(busy[WARM:])))


def _processor() -> float:
    """Return the seconds of processor that this process and its session's backend have spent."""
    connection.ensure_connection()
    backend = Path(f"/proc/{connection.connection.info.backend_pid}")
    try:
        local = (backend / "comm").read_text().startswith("postgres")
        nanoseconds = int((backend / "schedstat").read_text().split()[0]) if local else 0
    except FileNotFoundError:  # the server is elsewhere
        nanoseconds = 0
    return Real.processor() + nanoseconds / 1e9
