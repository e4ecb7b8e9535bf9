from typing import Any

from celery.schedules import crontab

SECRET_KEY = "a fixture"
USE_TZ = True
TIME_ZONE = "Africa/Nairobi"
ROOT_URLCONF = "museum.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "museum.tickets", "museum.tours", "django_celery_beat"]
DATABASES: dict[str, dict[str, Any]] = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "no-such-folder/db"}
}

CELERY_BROKER_URL = "redis://localhost:6379/0"
CELERY_RESULT_BACKEND = "redis://localhost:6379/1"
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "close-the-till": {"task": "museum.tickets.tasks.close_till", "schedule": crontab(hour=18, minute=15)},
    "count-visitors": {
        "task": "museum.tickets.tasks.count_visitors",
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 600, "expire_seconds": 600},
    },
    "plan-tours": {"task": "museum.tours.tasks.plan", "schedule": crontab(hour=6, minute=30)},
    "remind-guides": {"task": "museum.tours.tasks.remind_guides", "schedule": crontab(hour=8, minute=0)},
    "print-labels": {
        "task": "museum.tours.tasks.print_labels",
        "schedule": crontab(hour=7, minute=0, day_of_week="mon"),
        "kwargs": {"room": 2},
    },
}
