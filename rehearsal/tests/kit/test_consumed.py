"""The kit's workers and real ones consume the same queues, and leave the same messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import consumed
from .test_fidelity import PATIENCE, redis_url


def real(queues: list[str] | None) -> Any:
    """The scenario by a real worker process."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with redis_url() as url:
        finished = subprocess.run(
            [sys.executable, "-m", "kit.consumed", url, *([",".join(queues)] if queues else [])],
            cwd=Path(__file__).parents[1],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize("queues", [None, ["celery", "mail"]], ids=["without -Q", "with -Q"])
def test_a_real_worker_leaves_the_same_messages(queues: list[str] | None) -> None:
    """What the routers send elsewhere stays there; what no worker can run, and what has no queue, is gone."""
    started, left = real(queues)
    assert left == ({"celery": 0, "mail": 0, "other": 1} if queues else {"celery": 0, "mail": 2, "other": 1})
    told, kept = consumed.virtual(queues)
    # Which of two queues comes first is Redis's own affair.
    assert (sorted(told), kept) == (sorted(started), left)
