from celery import Celery

app = Celery("shop", broker="sqs://")
app.conf.broker_transport_options = {"visibility_timeout": "7200"}


@app.task(name="shop.mail")
def mail() -> None:
    pass


def later() -> None:
    mail.apply_async(countdown=60 * 60)
