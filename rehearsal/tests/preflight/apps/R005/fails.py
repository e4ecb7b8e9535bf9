"""info: R005 task 'shop.fetch': `retry_jitter` is off, so messages that fail together come back together"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.fetch", autoretry_for=(OSError,), retry_backoff=True, retry_jitter=False)
def fetch() -> None:
    pass
