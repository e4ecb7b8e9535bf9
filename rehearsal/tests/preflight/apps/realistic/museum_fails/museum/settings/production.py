from .base import *  # noqa: F403

DATABASES["default"]["ATOMIC_REQUESTS"] = True  # noqa: F405
CELERY_TASK_MAX_RETRIES = 5
celery_timezone = "Africa/Nairobi"
