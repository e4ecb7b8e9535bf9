from celery import Celery

app = Celery("shop")
app.conf.accept_content = ["json", "pickle"]


@app.task(name="shop.send", serializer="pickle")
def send() -> None:
    pass
