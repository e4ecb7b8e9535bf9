from celery import Celery

app = Celery("shop", broker="sqs://")
# kombu did not make this queue: its timeout is the one that it was made with.
app.conf.broker_transport_options = {"predefined_queues": {"celery": {"url": "https://sqs.example/1/celery"}}}


@app.task(name="shop.mail", acks_late=True, time_limit=7200)
def mail() -> None:
    pass
