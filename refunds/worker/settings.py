"""Define the settings of a hardened worker."""

import sys

# This consumer refuses unexpected messages, which would end every worker, one after the other.
CELERY_WORKER_CONSUMER = f"{__package__}.consumer:Consumer"
# With remote control, anyone who reaches the broker can shut the workers down. Flower and `celery inspect` need it.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# Tasks after which Celery closes the database connection: practically never. The module `connections` closes it by
# CONN_MAX_AGE.
CELERY_DB_REUSE_MAX = sys.maxsize
