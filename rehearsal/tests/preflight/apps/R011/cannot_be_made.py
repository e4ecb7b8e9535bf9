"""info: R011 task 'shop.pay': `Refused` can come back from the result store as another class: preflight does not call its `__init__`, which can do more than keep its arguments"""

from celery import Celery

app = Celery("shop")


class Refused(Exception):
    def __init__(self, amount: float) -> None:
        super().__init__(f"{amount:.2f}")


@app.task(name="shop.pay")
def pay() -> None:
    raise Refused(3)
