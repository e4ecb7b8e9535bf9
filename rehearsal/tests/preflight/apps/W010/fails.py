"""warning: W010 setting 'result_expires': `result_expires` is None, and 1 tasks store results that stay for ever"""

from celery import Celery

app = Celery("shop", backend="redis://localhost/1")
app.conf.result_expires = None


@app.task(name="shop.send")
def send() -> None:
    pass
