from celery import Celery

app = Celery("shop", broker="amqp://localhost")


@app.task(name="shop.mail", acks_late=True, time_limit=7200)
def mail() -> None:
    pass
