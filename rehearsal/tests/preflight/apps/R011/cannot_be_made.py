"""info: R011 task 'shop.pay': preflight does not call `Refused.__init__`, which can do more"""

from celery import Celery

app = Celery("shop")


class Refused(Exception):
    def __init__(self, amount: float) -> None:
        super().__init__(f"{amount:.2f}")


@app.task(name="shop.pay")
def pay() -> None:
    raise Refused(3)
