from celery import Celery
from celery.schedules import solar

app = Celery("shop")
app.conf.beat_schedule = {"lamps": {"task": "shop.lamps", "schedule": solar("sunset", 50.45, 30.52)}}


@app.task(name="shop.lamps")
def lamps() -> None:
    pass
