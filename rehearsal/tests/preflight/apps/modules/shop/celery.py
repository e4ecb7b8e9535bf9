from celery import Celery

app = Celery("shop", include=["shop.tasks"])
app.conf.task_time_limit = 60
