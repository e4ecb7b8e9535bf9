"""Children that start, speak and end together: small ones here, the real ones in test_serve_runs.py."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from unittest.mock import Mock, call

import pytest

from refunds.project.embedded import supervisor as supervision
from refunds.project.embedded.endings import ENDINGS, interruptible
from refunds.project.embedded.lifeline import READY
from refunds.project.embedded.supervisor import ChildEnded, EndAsked, Program, Supervisor

SERVE = f"print({READY!r}, flush=True); signal.pause()"
POLITE = f"signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'bye\\n'), sys.exit(0))); {SERVE}"
STUBBORN = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"


def program(name: str, code: str, grace: float = 30) -> Program:
    """Return a child that runs `code`, without site-packages to be quick."""
    return Program(name, [sys.executable, "-I", "-S", "-c", f"import os, signal, sys; {code}"], grace)


@pytest.fixture
def said() -> list[str]:
    """Return what the supervisor has shown."""
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    """Yield a supervisor, and end its children."""
    running = Supervisor(said.append, dict(os.environ))
    yield running
    running.stop()


def test_supervisor_is_ready_when_all_children_are(supervisor: Supervisor, said: list[str]) -> None:
    """Waiting ends when the last child says that it is ready. That line is not shown.

    The children are in sessions of their own: Ctrl-C in the terminal reaches only the supervisor.
    """
    for name in ("worker", "web"):
        supervisor.start(program(name, SERVE))
    supervisor.wait_ready()
    assert [child.ready for child in supervisor.children] == [True, True]
    assert said == []
    assert all(os.getsid(child.process.pid) == child.process.pid for child in supervisor.children)


def test_lines_carry_the_name(supervisor: Supervisor, said: list[str]) -> None:
    """Each line of a child, on either stream and in any bytes, is shown with its name."""
    supervisor.start(program("beat", f"print('one\\n\\ntwo'); print('three', file=sys.stderr, flush=True); {SERVE}"))
    supervisor.start(program("worker", rf"sys.stdout.buffer.write(b'\xff\n'); {SERVE}"))
    supervisor.wait_ready()
    supervisor.stop()
    assert sorted(said) == ["beat   | one", "beat   | three", "beat   | two", "worker | \ufffd"]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("sys.exit(0)", "with exit status 0"),
        ("sys.exit(3)", "with exit status 3"),
        ("signal.raise_signal(9)", "by SIGKILL"),
    ],
)
def test_child_that_ends_is_named(supervisor: Supervisor, said: list[str], code: str, how: str) -> None:
    """Its last lines come first, then an error with its name and status. The others are stopped."""
    other = supervisor.start(program("worker", SERVE))
    supervisor.start(program("beat", f"print('no such table', flush=True); {code}"))
    with pytest.raises(ChildEnded, match=f"^beat ended {how}$"):
        supervisor.wait()
    assert said == ["beat   | no such table"]
    supervisor.stop()
    with pytest.raises(ProcessLookupError):
        os.killpg(other.process.pid, 0)  # no process is left in its session


def test_children_stop_in_reverse_order(supervisor: Supervisor, said: list[str]) -> None:
    """The last started child ends first, and each ends before the next is asked to."""
    children = [supervisor.start(program(name, POLITE)) for name in ("worker", "beat", "web")]
    supervisor.wait_ready()
    supervisor.stop()
    assert said == ["web    | bye", "beat   | bye", "worker | bye"]
    assert [child.process.returncode for child in children] == [0, 0, 0]
    assert supervisor.children == []


def test_child_that_does_not_end_is_killed(supervisor: Supervisor, said: list[str]) -> None:
    """A child that ignores SIGTERM is killed after its grace. A second Ctrl-C kills all children at once."""
    child = supervisor.start(program("worker", STUBBORN, grace=0.01))
    supervisor.wait_ready()
    supervisor.stop()
    assert said == ["worker did not end within 0.01 s and is killed"]
    children = [child, *(supervisor.start(program(name, STUBBORN, grace=600)) for name in ("worker", "web"))]
    supervisor.wait_ready()
    supervisor.ask_end()
    supervisor.stop()
    assert [child.process.returncode for child in children] == [-signal.SIGKILL] * 3


@pytest.mark.parametrize("number", ENDINGS)
def test_signal_asks_for_the_end_unless_it_was_ignored(supervisor: Supervisor, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end the wait, but not under `nohup`. The earlier handlers come back."""
    outside = signal.getsignal(number)
    for before, expected in ((signal.SIG_IGN, nullcontext()), (signal.SIG_DFL, pytest.raises(EndAsked))):
        signal.signal(number, before)
        with supervisor.listening(), expected:
            signal.raise_signal(number)
            supervisor.raise_if_end_asked()
        assert signal.signal(number, outside) is before


def test_interrupt_also_asks_for_the_end(supervisor: Supervisor) -> None:
    """Python loses a KeyboardInterrupt in a destructor. The event is not lost, and the next step is not begun."""
    with pytest.raises(KeyboardInterrupt), interruptible(supervisor.ask_end):
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(EndAsked):
        supervisor.raise_if_end_asked()


def test_process_that_holds_a_childs_output_does_not_delay_the_end(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process is not waited for. Its output is read until it ends."""
    monkeypatch.setattr(supervision, "LAST_WORDS", 0.01)
    holder = "import select; pid = os.fork(); pid or (select.select([], [], [], 15), os._exit(0))"
    child = supervisor.start(program("worker", f"{holder}; print(pid, flush=True); {SERVE}"))
    supervisor.wait_ready()
    supervisor.stop()
    assert child.process.returncode == -signal.SIGTERM
    assert child.process.stdout is not None
    assert not child.process.stdout.closed
    os.kill(int(said[0].split()[-1]), signal.SIGKILL)
    child.threads[0].join(30)
    assert child.process.stdout.closed


def closed(_line: str) -> None:
    """Write to a pipe that nobody reads."""
    raise BrokenPipeError


def signalled(_line: str) -> None:
    """Give SIGTERM to this thread: it interrupts no wait of the main thread, as one just before the wait does not."""
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


@pytest.mark.parametrize("say", [closed, signalled])
def test_end_asked_for_in_another_thread_is_seen(monkeypatch: pytest.MonkeyPatch, say: Callable[..., None]) -> None:
    """A closed output asks for the end, and blocks no child. A signal does in any thread; a second skips the grace."""
    monkeypatch.setattr(supervision, "LOOK_AGAIN", 0.01)
    waiting = Supervisor(heard := Mock(side_effect=say), dict(os.environ))
    with waiting.listening():
        # By the time of each line the main thread waits.
        later = "(select.select([], [], [], 0.3), os.write(1, b'hello\\n'))"
        handler = f"import select; signal.signal(signal.SIGTERM, lambda *_: {later})"
        waiting.start(program("worker", f"{handler}; {later}; signal.pause(); signal.pause()", grace=5))
        with pytest.raises(EndAsked):
            waiting.wait()
        waiting.stop()
    assert heard.mock_calls == [call("worker | hello")] * 2


def held(code: str) -> "subprocess.Popen[bytes]":
    """Return a process whose first words say that it holds its lifeline: it ends with its standard input."""
    start = f"import signal, sys; from refunds.project.embedded.lifeline import hold; {code}"
    process = subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert next(iter(process.stdout or ())) == b"held\n"
    return process


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("hold()", -signal.SIGTERM),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); hold()", 7),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN); hold(0.01)", 1),
    ],
    ids=["by SIGTERM", "in good order", "at once, after the grace"],
)
def test_child_ends_with_its_lifeline(code: str, status: int) -> None:
    """When the other end closes, the process ends by SIGTERM, or at once after its grace."""
    with held(f"{code}; print('held', flush=True); signal.pause(); signal.pause()") as process:
        assert process.poll() is None
        process.communicate(timeout=30)
        assert process.returncode == status


def test_nothing_else_reads_the_lifeline() -> None:
    """The program's own standard input is empty, so that it cannot read from the lifeline."""
    with held("hold(); print('held', flush=True); print(repr(sys.stdin.read()), flush=True)") as process:
        assert list(process.stdout or ()) == [b"''\n"]
        assert process.wait(timeout=30) == 0
