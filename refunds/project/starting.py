"""Check a worker's database file before the worker connects to anything."""

import sys
from typing import Any

from celery.signals import celeryd_init

from ..apps import LABEL
from .database import EXIT_STATUS, missing_file


# Only the program `celery worker` sends this signal; a worker in a test's process does not.
@celeryd_init.connect(dispatch_uid=f"{LABEL}.refuse_missing_file")
def refuse_missing_file(**_: Any) -> None:
    """End a worker whose SQLite file is missing: SQLite would create an empty one, and every task would fail."""
    line = missing_file()
    if line:
        sys.stderr.write(f"{line}\n")
        sys.exit(EXIT_STATUS)
