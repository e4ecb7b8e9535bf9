"""A process that ends with the process that holds the other end of its standard input."""

import signal
import subprocess
import sys

import pytest

START = "import signal, sys; from refunds.project.embedded.lifeline import hold; "


def run(code: str) -> "subprocess.Popen[bytes]":
    """A process whose first words say that it holds its lifeline."""
    process = subprocess.Popen([sys.executable, "-c", START + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
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
def test_ends_with_its_lifeline(code: str, status: int) -> None:
    """When the other end closes, the process ends by SIGTERM, or at once after its grace."""
    with run(f"{code}; print('held', flush=True); signal.pause(); signal.pause()") as process:
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(timeout=30) == status


def test_nothing_else_reads_the_lifeline() -> None:
    """The program's own standard input is empty, so that it cannot read from the lifeline."""
    with run("hold(); print('held', flush=True); print(repr(sys.stdin.read()))") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read() == b"''\n"
        assert process.wait(timeout=30) == 0
