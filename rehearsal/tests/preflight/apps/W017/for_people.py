from celery import Celery

app = Celery("shop", backend="redis://localhost/1")
app.conf.result_extended = True


@app.task(name="shop.send")
def send() -> int:
    return 1


def total() -> None:
    send.delay()
