"""error: R008 task 'shop.mail': the countdown of 18000 s is beyond the visibility timeout of 3600 s, so it runs several times…"""

from celery import Celery

app = Celery("shop", broker="redis://localhost/0")


@app.task(name="shop.mail")
def mail() -> None:
    pass


def later() -> None:
    mail.apply_async(countdown=5 * 60 * 60)
