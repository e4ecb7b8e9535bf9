from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"fetch": {"task": "shop.fetch", "schedule": 60}}


@app.task(name="shop.fetch", autoretry_for=(OSError,), retry_kwargs={"countdown": 15, "max_retries": 3})
def fetch() -> None:
    pass
