from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"fetch": {"task": "shop.fetch", "schedule": 60, "options": {"expires": 60}}}


@app.task(name="shop.fetch", autoretry_for=(OSError,), default_retry_delay=15)
def fetch() -> None:
    pass
