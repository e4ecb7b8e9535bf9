"""error: W005 setting 'task_routes': the task 'shop.send' goes to the queue 'mail', which is no queue of [tool.celery-rehearsal.preflight]"""

from celery import Celery

app = Celery("shop")
app.conf.task_routes = {"shop.send": {"queue": "mail"}}


@app.task(name="shop.send")
def send() -> None:
    pass
