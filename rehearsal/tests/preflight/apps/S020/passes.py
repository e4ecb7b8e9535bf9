from datetime import datetime, timezone

from celery import Celery
from celery.schedules import crontab

app = Celery("shop")
app.conf.beat_schedule = {"close": {"task": "shop.close", "schedule": crontab(hour=18, minute=0)}}
closed: list[str] = []
days: set[str] = set()


@app.task(name="shop.close")
def close() -> None:
    today = datetime.now(timezone.utc).date().isoformat()
    if today not in days:
        days.add(today)
        closed.append("the day")


def effects() -> dict[str, int]:
    return {"close": len(closed)}
