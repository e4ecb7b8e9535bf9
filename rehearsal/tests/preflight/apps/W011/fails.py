"""error: W011 setting 'redbeat_redis_url': RedBeat gets a URL that begins with 'amqp'"""

from celery import Celery

app = Celery("shop", broker="amqp://localhost")
app.conf.beat_scheduler = "redbeat.RedBeatScheduler"
