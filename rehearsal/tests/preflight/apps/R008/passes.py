from celery import Celery

app = Celery("shop", broker="redis://localhost/0")
app.conf.broker_transport_options = {"visibility_timeout": 6 * 60 * 60}


@app.task(name="shop.mail")
def mail() -> None:
    pass


def later() -> None:
    mail.apply_async(countdown=5 * 60 * 60)
