from typing import Any

from celery import Celery

app = Celery("shop", backend="rpc://")


@app.task(name="shop.add")
def add(x: int, y: int) -> int:
    return x + y


def total() -> Any:
    return add.delay(1, 2).get(timeout=10)
