"""error: W001 setting 'task_max_retries': neither Celery nor a known extension reads `task_max_retries`"""

from celery import Celery

app = Celery("shop")
app.conf.update(task_max_retries=3)
