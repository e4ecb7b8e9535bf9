from celery import Celery


class Settings:
    CELERY_TASK_ACKS_LATE = True
    CELERY_REDBEAT_REDIS_URL = "redis://localhost/1"


app = Celery("shop")
app.config_from_object(Settings, namespace="CELERY")
