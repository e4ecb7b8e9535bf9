"""A Django project with Celery in it as Celery's "First steps with Django" makes one."""

from .celery import app as celery_app

__all__ = ("celery_app",)
