"""warning: S015 entry 'lamps', task 'shop.lamps': the event 'sunset' does not come …"""

from celery import Celery
from celery.schedules import solar

app = Celery("shop")
app.conf.beat_schedule = {"lamps": {"task": "shop.lamps", "schedule": solar("sunset", 69.65, 18.96)}}


@app.task(name="shop.lamps")
def lamps() -> None:
    pass
