from celery.schedules import crontab

SECRET_KEY = "a fixture"
USE_TZ = True
TIME_ZONE = "Europe/Kyiv"
INSTALLED_APPS = ["shop", "django_celery_beat"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}

CELERY_BROKER_URL = "redis://localhost:6379/0"
CELERY_TASK_TIME_LIMIT = 60
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "close": {
        "task": "shop.tasks.close",
        "schedule": crontab(hour=18, minute=0),
        "options": {"expires": 3600, "expire_seconds": 3600},
    }
}
