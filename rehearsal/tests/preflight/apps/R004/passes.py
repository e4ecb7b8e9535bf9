from typing import Any

from celery import Celery

app = Celery("shop")


@app.task(name="shop.fetch", bind=True, max_retries=None)
def fetch(self: Any) -> None:
    raise self.retry(max_retries=5)


@app.task(name="shop.count", max_retries=None)
def count() -> None:
    pass
