"""error: R006 task 'shop.fetch': it has `autoretry_for`, and `max_retries` is 0"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.fetch", autoretry_for=(OSError,), max_retries=0)
def fetch() -> None:
    pass
