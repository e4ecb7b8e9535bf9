"""Settings of a project that has just been started, with what Celery's first steps add to them."""

import os

import dj_database_url
from django.core.management.utils import get_random_secret_key

SECRET_KEY = get_random_secret_key()
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "refunds",  # the tables
    "benchmarks.peers.tutorial",
]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
# What the app of the tables asks for when it is loaded.
REFUNDS_GATEWAY, REFUNDS_GATEWAY_RATE, REFUNDS_PUBLIC_URL = "wallet", "", ""
REFUNDS_CURRENCIES = ("EUR", "GBP", "UAH")

CELERY_BROKER_URL = os.environ["REDIS_URL"]
CELERY_RESULT_BACKEND = os.environ["REDIS_URL"]
CELERY_TIMEZONE = "Europe/Kyiv"
# These two are in the documentation's own example.
CELERY_TASK_TRACK_STARTED = True
CELERY_TASK_TIME_LIMIT = 30 * 60
# A worker's start sends the reconciler of the app of the tables, which would pay what this way has approved. No worker
# reads this queue.
CELERY_TASK_ROUTES = {"refunds.*": {"queue": "unread"}}
