"""warning: R004 task 'shop.fetch': `max_retries` is None and the task retries, so it never gives up"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.fetch", autoretry_for=(OSError,), max_retries=None)
def fetch() -> None:
    pass
