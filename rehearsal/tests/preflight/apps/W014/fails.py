"""error: W014 setting 'accept_content': workers accept ['application/json'], and these tasks are sent as pickle: 'shop.send'"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.send", serializer="pickle")
def send() -> None:
    pass
