"""error: W012 setting 'task_always_eager': `task_always_eager` is on, so nothing is sent to a worker"""

from celery import Celery

app = Celery("shop")
app.conf.task_always_eager = True
