"""error: W011 setting 'redbeat_redis_url': RedBeat gets no URL"""

from celery import Celery
from redbeat import RedBeatScheduler


class Scheduler(RedBeatScheduler):  # type: ignore[misc] # it has no types
    pass


app = Celery("shop")
app.conf.beat_scheduler = Scheduler
