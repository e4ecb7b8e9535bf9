from celery import Celery, chord

app = Celery("shop", backend="redis://localhost/1")


@app.task(name="shop.send")
def send() -> int:
    return 1


def total() -> None:
    chord([send.s(), send.s()])(send.si())
