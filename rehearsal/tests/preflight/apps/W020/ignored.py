"""error: W020 task 'shop.add': `.get` reads its result, and it ignores its result
error: W020 task 'shop.sum': `.wait` reads its result, and it ignores its result"""

from typing import Any

from celery import Celery

app = Celery("shop", backend="redis://localhost/1")


@app.task(name="shop.add", ignore_result=True)
def add(x: int, y: int) -> int:
    return x + y


@app.task(name="shop.sum")
def total(numbers: list[int]) -> int:
    return sum(numbers)


def read() -> Any:
    return add.delay(1, 2).get(), total.apply_async(([1],), ignore_result=True).wait()


def stored() -> Any:
    return add.apply_async((1, 2), ignore_result=False).get(), total.delay([1]).get()
