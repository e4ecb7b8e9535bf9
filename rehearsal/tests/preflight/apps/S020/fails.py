"""error: S020 entry 'close', task 'shop.close': with 2 beats, a simulation did its work 2 times for one firing"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {"close": {"task": "shop.close", "schedule": crontab(hour=18, minute=0)}}
closed: list[str] = []


@app.task(name="shop.close")
def close() -> None:
    closed.append("the day")


def effects() -> dict[str, int]:
    return {"close": len(closed)}
