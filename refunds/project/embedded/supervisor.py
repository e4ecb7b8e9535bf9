"""Run child processes that start and end together and write to one output (docs/adr/0028)."""

import math
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from .endings import handled_by, signal_name
from .lifeline import READY

# Seconds to wait for the last lines of a child that has ended: another process can hold its pipe.
LAST_WORDS = 2.0
# Seconds after which a wait without an end begins again. Python runs a signal's handler between two instructions of the
# main thread: a signal that comes just before a wait, or that another thread gets, would be seen only after it.
LOOK_AGAIN = 1.0


class ChildEnded(Exception):
    """A child ended although the supervisor did not stop it."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(name, status)
        self.name = name
        self.status = status

    def __str__(self) -> str:
        how = f"with exit status {self.status}" if self.status >= 0 else f"by {signal_name(-self.status)}"
        return f"{self.name} ended {how}"


class EndAsked(Exception):
    """The user or the system asked the supervisor to end, or the output was closed."""


@dataclass(frozen=True)
class Program:
    """Describe a child to run: its name, its command line, and the seconds in which it can shut down."""

    name: str
    command: Sequence[str]
    grace: float = 5.0


@dataclass(eq=False)
class Child:
    """Hold the state of a running program."""

    program: Program
    process: "subprocess.Popen[bytes]"
    threads: list[threading.Thread] = field(default_factory=list)
    ready: bool = False
    ended: bool = False


@dataclass(frozen=True)
class _Event:
    kind: str  # "ready", "ended", "asked", or "none" when nothing came in time
    child: Child | None = None


class Supervisor:
    """Starts children, writes their lines, and stops them in the reverse order of their start.

    `say` gets one line of text; several threads call it, one at a time. Each child has the read end of a lifeline. Each
    also has its own session, so that Ctrl-C in the terminal reaches only the supervisor.
    """

    def __init__(self, say: Callable[[str], None], environment: Mapping[str, str]) -> None:
        self._say = say
        self._saying = threading.Lock()
        self._environment = environment
        # A SimpleQueue: a signal handler can call its put() while the same thread is in get().
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self.children: list[Child] = []

    def listening(self) -> AbstractContextManager[None]:
        """Turn the signals in ENDINGS into events while entered; restore the earlier handlers afterwards."""
        return handled_by(lambda *_: self.ask_end())

    def ask_end(self) -> None:
        """Make the waiting methods raise EndAsked. During `stop`, kill the children instead of waiting for them."""
        self._events.put(_Event("asked"))

    def raise_if_end_asked(self) -> None:
        """Raise EndAsked if the end was asked for before any child was started."""
        if not self._events.empty():
            raise EndAsked

    def start(self, program: Program) -> Child:
        """Start a child. Raises OSError if its program cannot be run."""
        process = subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
            program.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
        )
        child = Child(program, process)
        self.children.append(child)
        for work in (self._pass_on, self._await_end):
            child.threads.append(threading.Thread(target=work, args=(child,), name=program.name, daemon=True))
            child.threads[-1].start()
        return child

    def wait_ready(self) -> None:
        """Return once every child is ready. Raises ChildEnded and EndAsked."""
        while not all(child.ready for child in self.children):
            self._next()

    def wait(self) -> None:
        """Wait until a child ends or `ask_end` is called. Raises ChildEnded or EndAsked."""
        while True:
            self._next()

    def _next(self) -> None:
        event = self._take()
        if event.kind == "asked":
            raise EndAsked
        if event.kind == "ended" and event.child is not None:
            self._finish(event.child)
            raise ChildEnded(event.child.program.name, event.child.process.returncode)

    def _take(self, at_most: float = math.inf) -> _Event:
        try:
            event = self._events.get(timeout=min(at_most, LOOK_AGAIN))
        except queue.Empty:
            return _Event("none")
        if event.child is not None:
            event.child.ready |= event.kind == "ready"
            event.child.ended |= event.kind == "ended"
        return event

    def stop(self) -> None:
        """End every child, the last started first: SIGTERM, grace, SIGKILL. A second `ask_end` skips the grace."""
        hurry = False
        for child in reversed(self.children):
            if not child.ended:
                child.process.terminate()
                hurry = self._outwait(child, hurry=hurry)
            self._finish(child)
        self.children.clear()

    def _outwait(self, child: Child, *, hurry: bool) -> bool:
        deadline = time.monotonic() + child.program.grace
        while not child.ended and not hurry and (left := deadline - time.monotonic()) > 0:
            hurry = self._take(left).kind == "asked"
        if not child.ended:
            if not hurry:
                self.say(f"{child.program.name} did not end within {child.program.grace:g} s and is killed")
            child.process.kill()
        while not child.ended:
            hurry |= self._take().kind == "asked"
        return hurry

    def _finish(self, child: Child) -> None:
        for thread in child.threads:
            thread.join(LAST_WORDS)
        if child.process.stdin is not None:
            child.process.stdin.close()

    def _pass_on(self, child: Child) -> None:
        for line in child.process.stdout or ():
            text = line.decode(errors="replace").rstrip()
            if text == READY:
                self._events.put(_Event("ready", child))
            elif text:
                self.say(f"{child.program.name:6} | {text}")
        # Not in `_finish`: another process can still hold the pipe then, and close() would wait for this thread.
        if child.process.stdout is not None:
            child.process.stdout.close()

    def _await_end(self, child: Child) -> None:
        child.process.wait()
        self._events.put(_Event("ended", child))

    def say(self, line: str) -> None:
        """Write a line. If the output was closed, ask for the end, and continue to read from the children."""
        with self._saying:
            try:
                self._say(line)
            except OSError:
                self.ask_end()


def lifeline(name: str, *arguments: str, grace: float = 5.0) -> Program:
    """Return a program of the module `lifeline`, run by this interpreter."""
    return Program(name, [sys.executable, "-m", "refunds.project.embedded.lifeline", name, *arguments], grace)
