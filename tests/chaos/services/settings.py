"""The tests' settings on a PostgreSQL, for `pytest --ds tests.chaos.services.settings`: the suite's own tests on it."""

import os

from refunds.project.environment import database
from tests.settings import *  # noqa: F403

from .servers import POSTGRES

DATABASES = {"default": database(POSTGRES)}
# Each process of the tests has its own, and drops it at the end.
DATABASES["default"]["TEST"] = {"NAME": f"refunds-test-{os.getpid()}"}
