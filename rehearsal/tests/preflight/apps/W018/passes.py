from celery import Celery

app = Celery("shop")
# The limit of every task says nothing about how long one runs.
app.conf.task_time_limit = 3600


@app.task(name="shop.report")
def report() -> None:
    pass


@app.task(name="shop.send", time_limit=60)
def send() -> None:
    pass
