"""Room: the default project around the app."""

from .app import app as celery_app

__all__ = ["celery_app"]
