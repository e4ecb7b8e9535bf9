"""warning: W007 setting 'task_time_limit': 1 of 2 tasks have no time limit: 'shop.report'"""

from celery import Celery

app = Celery("shop")
app.conf.task_time_limit = 60


# The worker uses the general limit only where the task has None.
@app.task(name="shop.report", time_limit=0)
def report() -> None:
    pass


@app.task(name="shop.send")
def send() -> None:
    pass
