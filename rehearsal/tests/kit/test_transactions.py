"""A task that waits inside a transaction of Django has it for itself, and loses it with its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def told() -> Any:
    """What the scenario prints."""
    pytest.importorskip("django", reason="django is not installed")
    # In a process of its own, because Django has one set of settings.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    finished = subprocess.run(
        [sys.executable, "-m", "kit.transactions"],
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_a_transaction_belongs_to_the_task_that_waits_in_it(told: Any) -> None:
    """A kill rolls it back, as the database does; another's query is refused while it is open."""
    assert told["after the kill"] == [[], 0]
    assert "worker2 waits inside transaction.atomic()" in told["refused"][0]
    assert told["at the end"] == [["kept"], 0]


def test_error_that_a_task_caught_breaks_the_tests_transaction_by_name(told: Any) -> None:
    """Failures and retries that come of it have the cause and the remedy; without the transaction nothing fails."""
    cause = (
        "an earlier error of the database broke the test's transaction; in production each process has a connection of "
        "its own: mark the test django_db(transaction=True), or use TransactionTestCase"
    )
    assert [detail.partition("), ")[2] for detail in told["broken"]] == [cause, cause, f"{cause}, retries exhausted"]
    assert told["not held"] == []


def test_messages_sent_inside_atomic_are_recorded(told: Any) -> None:
    """Not those in the block of a TestCase, or on commit. The line of each is named, and what opened the block."""
    here = Path(__file__).with_name("transactions.py")
    lines = here.read_text("utf-8").splitlines()
    decorated, entered = (
        next(number for number, line in enumerate(lines, 1) if text in line)
        for text in ("    @transaction.atomic", "with transaction.atomic(), transaction.atomic():")
    )
    assert told["sent inside"] == [
        f"<confirm is sent at {here}:{decorated + 2} in place, inside the atomic() of {here}:{decorated} in place>",
        f"<confirm is sent at {here}:{entered + 1} in runTest, inside the atomic() of {here}:{entered} in runTest>",
    ]


def test_recording_that_would_miss_messages_fails(told: Any) -> None:
    """In eager mode nothing is sent. An error of the recorder is not left to Celery, which would log it."""
    eager, moved = told["refused"][1:]
    assert eager == "task_always_eager is on, so nothing is sent: start a cluster, which turns it off"
    assert "_from_testcase" in moved
