from celery import Celery

app = Celery("shop")
app.conf.task_time_limit = 600
app.conf.beat_schedule = {"poll": {"task": "shop.poll", "schedule": 300}}


@app.task(name="shop.poll")
def poll() -> None:
    pass
