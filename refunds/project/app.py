"""Create the default project's Celery application.

Import it wherever Django starts (manage.py, wsgi.py, conftest.py). In a process that has not imported it, a shared task
publishes to Celery's default app, on localhost.
"""

import os

from celery import Celery

from .redaction import hide_urls_from_celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunds.project.settings")

app = Celery("refunds", control="refunds.worker.control:Control")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
hide_urls_from_celery()
