"""warning: R001 entry 'fetch', task 'shop.fetch': its retries last up to 63 s, and its messages expire after 60 s"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"fetch": {"task": "shop.fetch", "schedule": 3600, "options": {"expires": 60}}}


@app.task(name="shop.fetch", autoretry_for=(OSError,), retry_backoff=True, retry_jitter=False, max_retries=6)
def fetch() -> None:
    pass
