"""info: R011 task 'shop.pay': `CardRefused` can come back from the result store as another class: preflight does not call its `__init__`, which can do more than keep its arguments"""

import logging

from celery import Celery

app = Celery("shop")


class CardRefused(Exception):
    def __init__(self, card: str, reason: str) -> None:
        super().__init__(card)
        logging.warning("refused: %s", reason)


@app.task(name="shop.pay")
def pay() -> None:
    raise CardRefused("visa", "stolen")
