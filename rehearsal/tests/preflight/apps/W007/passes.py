from celery import Celery

app = Celery("shop")
app.conf.task_time_limit = 60


@app.task(name="shop.send")
def send() -> None:
    pass
