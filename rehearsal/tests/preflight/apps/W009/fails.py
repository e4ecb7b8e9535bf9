"""warning: W009 setting 'result_expires': `result_expires` is None, so the results of these tasks stay for ever: 'shop.send'"""

from celery import Celery

app = Celery("shop", backend="redis://localhost/1")
app.conf.result_expires = None


@app.task(name="shop.send")
def send() -> None:
    pass
