"""Room: harden any Celery worker against unexpected messages and lost connections."""
