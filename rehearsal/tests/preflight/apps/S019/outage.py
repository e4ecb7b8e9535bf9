"""warning: S019 entry 'sync', task 'shop.sync': each run takes 10 min: in a simulation with 3 slots, 2 runs begin while another is under way after the declared outage"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {"sync": {"task": "shop.sync", "schedule": crontab(minute="*/15")}}


@app.task(name="shop.sync")
def sync() -> None:
    pass
