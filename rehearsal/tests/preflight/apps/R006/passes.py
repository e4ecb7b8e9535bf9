from celery import Celery

app = Celery("shop")


@app.task(name="shop.fetch", autoretry_for=(OSError,), max_retries=0, retry_kwargs={"max_retries": 2})
def fetch() -> None:
    pass
