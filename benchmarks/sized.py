"""The project's app with another size of chunks: `celery -A benchmarks.sized worker`."""

import os

from celery_app import app
from refunds.domain import sweeps

__all__ = ["app"]

sweeps.CHUNK_ROWS = int(os.environ["REFUNDS_BENCH_CHUNK_ROWS"])  # type: ignore[misc]  # what is measured is this number
