"""Room: hardening for any Celery worker."""
