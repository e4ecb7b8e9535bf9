"""The Celery application: `celery -A celery_app worker`, `celery -A celery_app beat`."""

from refunds.project.app import app

__all__ = ["app"]
