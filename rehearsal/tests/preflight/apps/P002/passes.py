from celery import Celery

app = Celery("shop")


@app.task(name="shop.close")
def close() -> None:
    pass
