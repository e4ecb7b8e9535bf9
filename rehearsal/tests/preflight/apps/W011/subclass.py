"""error: W011 setting 'redbeat_redis_url': RedBeat gets no URL"""

from celery import Celery
from redbeat import RedBeatScheduler  # type: ignore[import-untyped] # it has no types


class Scheduler(RedBeatScheduler):  # type: ignore[misc] # as above
    pass


app = Celery("shop")
app.conf.beat_scheduler = Scheduler
