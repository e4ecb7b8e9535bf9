"""warning: W010 setting 'worker_prefetch_multiplier': `worker_prefetch_multiplier` is 4, and these tasks are acknowledged late: 'shop.send'"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.send", acks_late=True)
def send() -> None:
    pass
