"""info: S018 entry 'sync', task 'shop.sync': its time limit lets a run take 2 h, and the next one is due after 1 h"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"sync": {"task": "shop.sync", "schedule": 3600}}


@app.task(name="shop.sync", time_limit=7200)
def sync() -> None:
    pass
