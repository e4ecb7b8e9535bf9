"""error: R008 task 'shop.mail': the wait before a retry of 7200 s is beyond the visibility timeout of 3600 s, so it runs several times…"""

from celery import Celery

app = Celery("shop", broker="sentinel://localhost:26379")


@app.task(name="shop.mail", autoretry_for=(OSError,), retry_backoff=1800, retry_backoff_max=7200)
def mail() -> None:
    pass
