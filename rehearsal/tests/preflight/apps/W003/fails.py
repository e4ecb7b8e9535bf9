"""info: W003 setting 'CELERYD_CONCURRENCY': Celery 6 will not read the old name `CELERYD_CONCURRENCY`"""

from celery import Celery

app = Celery("shop")
app.conf.update(CELERYD_CONCURRENCY=4)
