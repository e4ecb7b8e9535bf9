from celery import Celery

app = Celery("shop")


@app.task(name="shop.fetch", autoretry_for=(OSError,), retry_backoff=True)
def fetch() -> None:
    pass
