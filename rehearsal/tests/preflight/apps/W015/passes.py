import os

from celery import Celery

HOST = "rabbit.example"
PASSWORD = os.environ.get("SHOP_PASSWORD", "").join(["ta", "r", "t"])

app = Celery("shop", broker=f"amqp://shop:{PASSWORD}@{HOST}/")
