"""info: W017 setting 'result_backend': no file reads a result, and the results of these tasks are stored: 'shop.count', 'shop.send'"""

from collections.abc import Callable
from typing import Any

from celery import Celery

app = Celery("shop", backend="redis://localhost/1")


def on_commit(function: Callable[[], Any]) -> None:
    function()


@app.task(name="shop.count")
def count() -> None:
    send.delay()
    on_commit(lambda: send.delay(1))


@app.task(name="shop.send")
def send(number: int = 0) -> None:
    pass


@app.task(name="shop.ping", ignore_result=True)
def ping() -> None:
    pass
