"""error: R008 task 'shop.mail': the wait before a retry of 7200 s is beyond the visibility timeout of 3600 s, so it runs several times…"""

from celery import Celery

app = Celery("shop", broker="redis://localhost/0")


@app.task(name="shop.mail", autoretry_for=(OSError,), default_retry_delay=7200)
def mail(_letter: str, *, _language: str) -> None:
    pass
