"""error: W011 setting 'redbeat_redis_url': RedBeat gets a URL that begins with 'sentinel'"""

from celery import Celery

app = Celery("shop", broker="sentinel://localhost:26379")
app.conf.beat_scheduler = "redbeat.RedBeatScheduler"
app.conf.broker_transport_options = {"master_name": "shop"}
