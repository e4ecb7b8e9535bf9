"""The oracle's tests compare programs, so no other application may be in their process either."""

from __future__ import annotations

from kit.conftest import _a_process_of_its_own
from kit.optional import pytest_pycollect_makemodule

__all__ = ["_a_process_of_its_own", "pytest_pycollect_makemodule"]
