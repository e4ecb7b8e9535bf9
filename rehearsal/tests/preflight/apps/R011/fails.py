"""warning: R011 task 'shop.pay': `CardRefused` does not come back from the result store as itself"""

from celery import Celery

app = Celery("shop")


class CardRefused(Exception):
    def __init__(self, card: str, reason: str) -> None:
        super().__init__(f"{card}: {reason}")
        self.card = card


@app.task(name="shop.pay")
def pay() -> None:
    raise CardRefused("visa", "stolen")
