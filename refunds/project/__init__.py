"""Room: run the app in a default project."""

from .app import app as celery_app

__all__ = ["celery_app"]
