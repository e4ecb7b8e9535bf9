"""info: W018 setting 'worker_prefetch_multiplier': `worker_prefetch_multiplier` is 4, and these tasks can run for 10 min or more: 'shop.report'"""

from celery import Celery

app = Celery("shop")
app.conf.task_time_limit = 60


@app.task(name="shop.report", time_limit=3600)
def report() -> None:
    pass


@app.task(name="shop.late", time_limit=3600, acks_late=True)
def late() -> None:
    pass


@app.task(name="shop.send", time_limit=120)
def send() -> None:
    pass
