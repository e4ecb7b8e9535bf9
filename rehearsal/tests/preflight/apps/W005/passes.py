from celery import Celery

app = Celery("shop")
app.conf.task_routes = {"shop.send": {"queue": "mail"}}


@app.task(name="shop.send")
def send() -> None:
    pass
