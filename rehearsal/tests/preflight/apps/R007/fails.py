"""warning: R007 task 'shop.mail': its retries end after 15 s at most, and the declared outage lasts 60 s"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.mail", autoretry_for=(OSError,), retry_backoff=True, max_retries=4)
def mail() -> None:
    pass
