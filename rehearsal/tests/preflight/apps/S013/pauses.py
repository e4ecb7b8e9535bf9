"""warning: S013 entry 'poll', task 'shop.poll': 03:00 to 04:00 comes twice in Europe/Kyiv on 2026-10-25: {release} runs it 4 times in the first hour and never in the second"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.update(timezone="Europe/Kyiv")
app.conf.beat_schedule = {"poll": {"task": "shop.poll", "schedule": crontab(minute="*/15")}}


@app.task(name="shop.poll")
def poll() -> None:
    pass
