from celery import Celery

app = Celery("shop", backend="redis://localhost/1")


@app.task(name="shop.send")
def send() -> int:
    return 1


SENDERS = {"mail": send.delay}
