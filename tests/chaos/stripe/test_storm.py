"""A storm, as the command raises it: small, with everything in it."""

import os
import subprocess
import sys

import pytest

from ..pace import EQUAL, TOO_SLOW
from .provider import missing

pytestmark = pytest.mark.stripe

REFUNDS = 300


def storm(*options: str) -> tuple[int, str]:
    """A storm's exit status and output."""
    # A worker is up after two seconds, on a busy machine after four: each must live long enough to do something.
    options = ("--refunds", str(REFUNDS), "--kill-every", "3", *options)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tests.chaos.stripe.storm", *options],
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},  # what this process imports
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ended.returncode, ended.stdout


def test_every_refund_is_made_once_whatever_breaks() -> None:
    """With 30 % of calls spoilt and workers killed both books are equal, and no refund is twice or left."""
    if lack := missing():
        pytest.skip(lack)
    status, said = storm("--within", "600")
    assert status == EQUAL, said
    (total,) = (line for line in said.splitlines() if line.startswith("|      all |"))
    _, ours, amount, theirs, their_amount = (cell.strip() for cell in total.strip("|").split("|"))
    assert ours == theirs == str(REFUNDS)
    assert amount == their_amount
    assert "workers" in said
    assert "error_kept" in said


def test_a_machine_that_is_too_slow_is_no_failed_audit() -> None:
    """Where the time is up while refunds still move, the storm blames the machine and not the books."""
    if lack := missing():
        pytest.skip(lack)
    status, said = storm("--within", "1")
    assert status == TOO_SLOW, said
    assert "The machine is too slow, and both books agree so far: work still moved after" in said
    assert "PROBLEM" not in said
