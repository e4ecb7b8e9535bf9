from celery import Celery

app = Celery("shop", broker="amqp://localhost")
app.conf.beat_scheduler = "redbeat.RedBeatScheduler"
app.conf.redbeat_redis_url = "redis://localhost/1"
