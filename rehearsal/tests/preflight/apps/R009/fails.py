"""warning: R009 task 'shop.mail': it can run for 7200 s, and its message comes back after 3600 s"""

from celery import Celery

app = Celery("shop", broker="rediss://redis.example/0")


@app.task(name="shop.mail", acks_late=True, time_limit=7200)
def mail() -> None:
    pass
