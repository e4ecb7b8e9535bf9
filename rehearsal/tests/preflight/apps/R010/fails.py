"""warning: R010 task 'shop.resize': `reject_on_worker_lost` sends its message back each time a child dies, without bound"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.resize", acks_late=True, reject_on_worker_lost=True)
def resize() -> None:
    pass
