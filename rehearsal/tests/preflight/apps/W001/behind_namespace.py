"""warning: W001 setting 'CELERY_SEND_TASK_ERROR_EMAILS': neither Celery nor a known extension reads `CELERY_SEND_TASK_ERROR_EMAILS`"""

from celery import Celery


class Settings:
    CELERY_SEND_TASK_ERROR_EMAILS = True


app = Celery("shop")
app.config_from_object(Settings, namespace="CELERY")
