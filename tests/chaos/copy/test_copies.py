"""A copy without any room, with all of them, and without each in turn passes its checks and the copied tests.

`tox run -e copies` runs all copied tests in each copy. With REFUNDS_COPIES=shared, as in CI, the copies that leave out
one room run those in `READ_ROOMS` and the tests of the checks.
"""

import os
from itertools import cycle
from pathlib import Path

import pytest

from ...elsewhere import CUTOFFS, Cutoff
from ...project.copies import COMMANDS, ENDS, copied_project, left_out, run

# The copied tests that read what other rooms add to pages. The core's own tests pass without any room, and with all.
MATRIX = "admin/test_permission_matrix.py::test_every"
READ_ROOMS = (
    "admin/test_refund_page.py",
    *(
        f"{MATRIX}_{what}"
        for what in ("page_has_its_row", "action_has_its_row", "custom_permission_of_the_core_is_in_the_table")
    ),
)
# Two cutoffs and labels in turn. The second label begins as a name to which freezegun gives the real time.
IN_TURN = cycle(zip(CUTOFFS, ("returns", "giveback"), strict=True))
# Seconds for all tests of a copy on a busy machine.
TESTS_TAKE = 1800


@pytest.mark.parametrize(
    ("name", "cutoff", "label"),
    [pytest.param(name, *next(IN_TURN), id=name) for name in left_out()],
)
def test_copy_passes_its_checks_and_tests(tmp_path: Path, name: str, cutoff: Cutoff, label: str) -> None:
    """Checks, migrations, the README's day and the copied tests pass under the copy's cutoff, without an edit."""
    project = copied_project(tmp_path / "project", left_out()[name], cutoff, label)
    run(project, "-c", COMMANDS)
    own = project / "tests" / label
    some = [*(own / path for path in READ_ROOMS), *own.glob("*/test_checks*.py")]
    chosen = some if os.environ.get("REFUNDS_COPIES") == "shared" and name not in ENDS else [own]
    options = ["-q", "-m", "not long", "--ds", f"tests.{label}.settings", "tests/test_readme.py"]
    assert " passed" in run(project, "-m", "pytest", *options, *map(str, chosen), timeout=TESTS_TAKE)
