"""error: R008 task 'shop.mail': the countdown of 3600 s is beyond the visibility timeout of 1800 s, so it runs several times"""

from celery import Celery

app = Celery("shop", broker="sqs://")


@app.task(name="shop.mail")
def mail() -> None:
    pass


def later() -> None:
    mail.apply_async(countdown=60 * 60)
