"""info: R011 task 'shop.pay': `CardRefused.__init__` does more than preflight can call without harm"""

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
