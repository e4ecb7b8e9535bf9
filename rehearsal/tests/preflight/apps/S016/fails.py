"""error: S016 entry 'ping', task 'shop.ping': its messages expire at 2026-01-15T00:00:00+00:00"""

from datetime import datetime, timezone

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {
    "ping": {
        "task": "shop.ping",
        "schedule": 3600,
        "options": {"expires": datetime(2026, 1, 15, tzinfo=timezone.utc)},
    }
}


@app.task(name="shop.ping")
def ping() -> None:
    pass
