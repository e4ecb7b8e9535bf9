"""error: W020 task 'shop.add': `.get` reads its result, and there is no result backend
error: W020 task 'shop.add': `.ready` reads its result, and there is no result backend"""

from typing import Any

from celery import Celery

app = Celery("shop")


@app.task(name="shop.add")
def add(x: int, y: int) -> int:
    return x + y


def total() -> Any:
    return add.delay(1, 2).get(timeout=10)


def waits() -> bool:
    result = add.s(1, 2).apply_async(countdown=5)
    assert result.id
    return result.ready()


def not_a_read() -> str:
    result = add.delay(1, 2)
    return result.id


def unsure(again: bool) -> Any:
    result: Any = add.delay(1, 2)
    if again:
        result = {}
    return result.get("key")
