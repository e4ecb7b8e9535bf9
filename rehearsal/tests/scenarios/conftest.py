"""Where a client of a server is not installed there is nothing to compare with."""

from __future__ import annotations

from kit.optional import pytest_pycollect_makemodule

__all__ = ["pytest_pycollect_makemodule"]
