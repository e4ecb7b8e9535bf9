from celery import Celery

app = Celery("shop")


@app.task(name="shop.mail", autoretry_for=(OSError,), retry_backoff=True, max_retries=6)
def mail() -> None:
    pass
