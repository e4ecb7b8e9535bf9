from celery import Celery

app = Celery("shop")


class CardRefused(Exception):
    def __init__(self, card: str, reason: str) -> None:
        super().__init__(card, reason)
        self.card = card


@app.task(name="shop.pay", throws=(CardRefused,))
def pay() -> None:
    raise CardRefused("visa", "stolen")
