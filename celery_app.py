"""The Celery application: `celery -A celery_app worker`, `celery -A celery_app beat`.

Load it wherever Django starts (manage.py, wsgi.py, conftest.py): a shared task of a process that has not would publish
to Celery's default app, on localhost.
"""

import os

from celery import Celery

from refunds.redaction import hide_urls_from_celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunds.settings")

app = Celery("refunds", control="refunds.control:Control")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
hide_urls_from_celery()
