"""warning: S019 entry 'sync', task 'shop.sync': each run takes 1 h 30 min: in a simulation with 4 slots, 4 runs begin while another is under way"""

from celery import Celery

app = Celery("shop")
app.conf.update(worker_concurrency=4)
app.conf.beat_schedule = {"sync": {"task": "shop.sync", "schedule": 3600}}


@app.task(name="shop.sync")
def sync() -> None:
    pass
