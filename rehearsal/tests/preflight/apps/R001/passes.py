from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"fetch": {"task": "shop.fetch", "schedule": 3600, "options": {"expires": 60}}}


@app.task(name="shop.fetch", autoretry_for=(OSError,), retry_backoff=True, max_retries=5)
def fetch() -> None:
    pass
