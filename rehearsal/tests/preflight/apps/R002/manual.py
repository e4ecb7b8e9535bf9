"""error: R002 entry 'fetch', task 'shop.fetch': its first retry waits 120 s, and its message expires after 60 s"""

from typing import Any

from celery import Celery

MINUTE = 60

app = Celery("shop")
app.conf.beat_schedule = {"fetch": {"task": "shop.fetch", "schedule": 60, "options": {"expires": 60}}}


@app.task(name="shop.fetch", bind=True)
def fetch(self: Any) -> None:
    raise self.retry(countdown=2 * MINUTE)
