"""warning: W007 setting 'task_time_limit': 1 of 2 tasks have no time limit: 'shop.send'"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.send")
def send() -> None:
    pass


@app.task(name="shop.count", time_limit=60)
def count() -> None:
    pass
