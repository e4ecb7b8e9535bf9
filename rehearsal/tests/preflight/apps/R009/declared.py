"""warning: R009 task 'shop.mail': it runs for 7200 s, and its message comes back after 3600 s…"""

from celery import Celery

app = Celery("shop", broker="redis://redis.example/0")


@app.task(name="shop.mail", acks_late=True)
def mail() -> None:
    pass
