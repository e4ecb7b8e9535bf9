"""Under the kit each scenario is a program of its own. Where a client of a server is not installed, scenarios skip."""

from __future__ import annotations

from kit.conftest import _a_process_of_its_own
from kit.optional import pytest_pycollect_makemodule

__all__ = ["_a_process_of_its_own", "pytest_pycollect_makemodule"]
