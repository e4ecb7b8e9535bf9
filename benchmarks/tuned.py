"""The project's app with other settings or another size of chunks: `celery -A benchmarks.tuned worker`.

REFUNDS_BENCH_TUNED is a JSON object: names of Django settings with their values, and `CHUNK_ROWS`.
"""

import json
import os

from django.conf import settings

from celery_app import app
from refunds.domain import sweeps

__all__ = ["app"]

# Celery reads them when it first wants one, which is later.
for name, value in json.loads(os.environ["REFUNDS_BENCH_TUNED"]).items():
    setattr(sweeps if name == "CHUNK_ROWS" else settings, name, value)
