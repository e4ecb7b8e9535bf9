"""error: R002 entry 'fetch', task 'shop.fetch': its first retry waits 180 s, and its message expires after 60 s"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"fetch": {"task": "shop.fetch", "schedule": 60, "options": {"expires": 60}}}


@app.task(name="shop.fetch", autoretry_for=(OSError,))
def fetch() -> None:
    pass
