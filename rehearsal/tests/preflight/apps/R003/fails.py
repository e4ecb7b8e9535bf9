"""warning: R003 entry 'fetch', task 'shop.fetch': its retries last up to 90 s, and the next run comes after 60 s"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"fetch": {"task": "shop.fetch", "schedule": 60}}


@app.task(name="shop.fetch", autoretry_for=(OSError,), retry_kwargs={"countdown": 30, "max_retries": 3})
def fetch() -> None:
    pass
