"""warning: R009 task 'shop.mail': it can run for 1800 s, and its message comes back after 1800 s"""

from celery import Celery

app = Celery("shop", broker="sqs://key:secret@")
app.conf.broker_transport_options = {"visibility_timeout": ""}


@app.task(name="shop.mail", acks_late=True, time_limit=1800)
def mail() -> None:
    pass


@app.task(name="shop.call", acks_late=True, time_limit=1799)
def call() -> None:
    pass
