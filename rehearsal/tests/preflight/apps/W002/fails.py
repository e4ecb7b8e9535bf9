"""error: W002 setting 'CELERY_task_acks_late': nothing reads `CELERY_task_acks_late` in this case"""

from celery import Celery


class Settings:
    CELERY_task_acks_late = True


app = Celery("shop")
app.config_from_object(Settings, namespace="CELERY")
