from celery import Celery

app = Celery("shop", broker="sentinel://localhost:26379")
app.conf.beat_scheduler = "redbeat.RedBeatScheduler"
app.conf.redbeat_redis_url = "redis-sentinel://localhost"
app.conf.redbeat_redis_options = {"sentinels": [("localhost", 26379)], "service_name": "shop"}
