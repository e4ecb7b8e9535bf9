from celery import Celery

app = Celery("shop", broker="redis://redis.example/0")
app.conf.worker_enable_remote_control = False
