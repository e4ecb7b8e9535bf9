"""The parts of the benchmark of costs that need no server."""

import os
import subprocess
import sys

import pytest

from benchmarks.cost import Spent, measure, report
from benchmarks.processes import cpu, parent
from benchmarks.run import Options

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
# Spends a fifth of a second of processor in a child that is dead when it says so, and waits to be ended.
BUSY = """
import os, time
if not (child := os.fork()):
    while time.process_time() < 0.2: pass
    os._exit(0)
os.waitpid(child, 0)
print("spent", flush=True)
input()
"""


def test_dead_children_are_counted() -> None:
    """What a process has spent includes the children that it had: a database has one for each connection."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"spent\n"
        assert parent(process.pid) == os.getpid()
        assert cpu(process.pid) >= 0.1  # the kernel counts in ticks of a hundredth
        assert cpu(os.getpid()) >= cpu(process.pid)
        process.terminate()


def test_the_table_is_of_a_thousand() -> None:
    """Whatever the number of returns, the figures are those of 1,000 of them."""
    spent = Spent(seconds=4.0, ours=1.0, database=2.0, log=2**20, disk=2**21, messages=3)
    (figure,) = report("2,000 returns", 2_000, {"import": spent}).figures
    assert list(figure.values) == [4.0]
    assert figure.more == {
        "returns/s": "500",
        "our CPU": "0.500 s",
        "database CPU": "1.000 s",
        "write-ahead log": "512 KiB",
        "disk": "1,024 KiB",
        "messages": "1.5",
    }


@pytest.mark.services
def test_returns_cost_something_in_each_step() -> None:
    """From the file to the last refund, without addresses and with them."""
    alone, told = measure(Options(rows=1))
    assert [figure.name for figure in alone.figures] == ["import", "approve, pay, tell"]
    assert [figure.name for figure in told.figures] == ["import", "approve, pay, tell"]
