from celery import Celery


class Settings:
    CELERY_TIMEZONE = "Europe/Kyiv"
    CELERY_WORKER_CONCURRENCY = 4


app = Celery("shop")
app.config_from_object(Settings, namespace="CELERY")
