"""Settings of a hardened worker."""

import sys

# An unexpected message would end every worker, one after the other. This consumer refuses it.
CELERY_WORKER_CONSUMER = f"{__package__}.consumer:Consumer"
# Remote control lets everyone who reaches the broker shut the workers down. Flower and `celery inspect` need it.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# Tasks after which Celery closes the database connection, whatever CONN_MAX_AGE says: never. worker.connections closes
# it by CONN_MAX_AGE.
CELERY_DB_REUSE_MAX = sys.maxsize
