"""info: W003 setting 'CELERYD_CONCURRENCY': Celery 6 will not read the old name `CELERYD_CONCURRENCY`"""

from celery import Celery


class Settings:
    CELERYD_CONCURRENCY = 4


app = Celery("shop")
app.config_from_object(Settings)
