"""error: W001 setting 'worker_prefetch_multipler': neither Celery nor a known extension reads `worker_prefetch_multipler`"""

from celery import Celery

app = Celery("shop")
app.conf.update(worker_prefetch_multipler=1)
