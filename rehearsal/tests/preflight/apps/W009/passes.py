from celery import Celery

app = Celery("shop", backend="redis://localhost/1")
app.conf.result_expires = None


@app.task(name="shop.send", ignore_result=True)
def send() -> None:
    pass
