from celery import Celery
from kombu import Queue

app = Celery("shop")
app.conf.task_queues = [Queue("celery", queue_arguments={"x-queue-type": "quorum"})]


@app.task(name="shop.resize", acks_late=True, reject_on_worker_lost=True)
def resize() -> None:
    pass
