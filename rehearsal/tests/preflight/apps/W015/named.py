"""warning: W015 setting 'broker_url': the source has the password of `broker_url`
warning: W015 setting 'broker_transport_options': the source has the password of `broker_transport_options`
warning: W015 setting 'redbeat_redis_url': the source has the password of `redbeat_redis_url`"""

from celery import Celery

RABBIT_PASSWORD = "s3cret"

app = Celery("shop", broker=f"amqp://shop:{RABBIT_PASSWORD}@rabbit.example/")
app.conf.broker_transport_options = {"sentinel_kwargs": {"password": "s3ntinel"}}
app.conf.redbeat_redis_url = "redis://:b%40t@redis.example/1"
