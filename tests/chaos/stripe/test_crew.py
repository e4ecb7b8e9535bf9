"""The processes of a storm, where they do not get as far as one."""

import os
import random
import sys
from pathlib import Path

import pytest

from .crew import StormCrew


def test_a_process_that_exits_unasked_is_named_with_its_last_lines(tmp_path: Path) -> None:
    """A worker that cannot start ends the storm, which would otherwise wait for it until its time is up."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REFUNDS_STORM")}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "DJANGO_SETTINGS_MODULE": "refunds.project.settings"}
    with StormCrew(tmp_path, environment, random.Random(1)) as crew:
        for process in crew.running.values():
            process.wait()
        with pytest.raises(RuntimeError, match="worker1 exited unasked, with exit status 2:\n") as raised:
            crew.check()
    assert "KeyError: 'REFUNDS_STORM_PATIENCE'" in str(raised.value)
    assert crew.running == {}
    assert crew.ended == {}
