"""Messages that are sent while a connection of Django is in a block of `transaction.atomic()`."""

from __future__ import annotations

import contextlib
import importlib
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import current_app, signals

from .errors import BadUseError
from .installed import installed
from .patching import swap_attribute
from .settings import EAGER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

KIT = Path(__file__).parent


@dataclass(frozen=True)
class Step:
    """A line of the application's code that was running."""

    path: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} in {self.function}"


@dataclass(frozen=True, repr=False)
class SentInside:
    """A message that was sent inside a block.

    `opened` is where the block was entered, or the function around which it is; None where it was open before. `steps`
    are the lines that ran from there to the call that sends, which is the last.
    """

    task: str
    database: str
    opened: Step | None
    steps: tuple[Step, ...]

    def __repr__(self) -> str:
        at = f" at {self.steps[-1]}" if self.steps else ""
        return f"<{self.task} is sent{at}, inside the atomic() of {self.opened or 'a block that was open before'}>"


@contextmanager
def sent_inside_atomic() -> Iterator[list[SentInside]]:
    """Collect the messages that this process sends inside a block of `transaction.atomic()`, in order.

        with sent_inside_atomic() as found:
            checkout(order)
        assert found == []

    Blocks of Django's `TestCase` and of pytest-django's `db` do not count, and messages that `on_commit` sends are not
    inside. Raises BadUseError in eager mode, where nothing is sent. Needs Django.
    """
    if current_app.conf.get(EAGER):
        raise BadUseError(f"{EAGER} is on, so nothing is sent: start a cluster, which turns it off")
    transaction: Any = importlib.import_module("django.db.transaction")
    found: list[SentInside] = []
    failures: list[Exception] = []
    opened: dict[int, tuple[Step, CodeType] | None] = {}
    enter = transaction.Atomic.__enter__

    def entered(block: Any) -> Any:
        opened[id(block)] = _opening(sys._getframe(1))
        return enter(block)

    def published(sender: Any = None, **_message: Any) -> None:
        try:
            found.extend(_sent(transaction.connections, opened, str(sender), sys._getframe(1)))
        except Exception as error:
            # Celery would only log it.
            failures.append(error)

    with ExitStack() as undo:
        swap_attribute(undo, transaction.Atomic, "__enter__", entered)
        signals.before_task_publish.connect(published, weak=False)
        undo.callback(signals.before_task_publish.disconnect, published)
        yield found
    if failures:
        raise failures[0]


def _sent(connections: Any, opened: dict[int, Any], task: str, frame: FrameType) -> Iterator[SentInside]:
    for connection in connections.all(initialized_only=True):
        block = next((each for each in connection.atomic_blocks if not each._from_testcase), None)
        if block is not None:
            where, code = opened.get(id(block)) or (None, None)
            yield SentInside(task, connection.alias, where, _steps(frame, code))


def _opening(frame: FrameType) -> tuple[Step, CodeType] | None:
    """Where a block is entered: a line of the application, or the function that it decorates."""
    code = getattr(frame.f_locals.get("func"), "__code__", None)
    if frame.f_code.co_filename == contextlib.__file__ and code is not None:
        return Step(code.co_filename, code.co_firstlineno, code.co_name), code
    own = next(_own_frames(frame), None)
    return None if own is None else (_step(own), own.f_code)


def _steps(frame: FrameType, until: CodeType | None) -> tuple[Step, ...]:
    steps: list[Step] = []
    for own in _own_frames(frame):
        steps.insert(0, _step(own))
        if own.f_code is until:
            break
    return tuple(steps)


def _own_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the application's frames, from here outwards."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.exists() and KIT not in path.parents and not installed(path.resolve()):
            yield frame
        frame = frame.f_back


def _step(frame: FrameType) -> Step:
    return Step(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
