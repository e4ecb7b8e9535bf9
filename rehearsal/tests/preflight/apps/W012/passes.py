from celery import Celery

app = Celery("shop")
app.conf.task_eager_propagates = True
