from .base import *  # noqa: F403

DATABASES["default"]["ATOMIC_REQUESTS"] = True  # noqa: F405
CELERY_TASK_DEFAULT_QUEUE = "museum"
CELERY_TIMEZONE = "Africa/Nairobi"
