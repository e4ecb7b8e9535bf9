"""info: S011 entry 'ask', task 'shop.ask': celery.beat:PersistentScheduler reached for the network to read its entries, …"""

import socket
from datetime import datetime
from typing import Any

from celery import Celery
from celery.schedules import schedule


class Rows(schedule):
    def is_due(self, last_run_at: datetime) -> Any:
        try:
            return socket.create_connection(("rows.invalid", 5432))
        except OSError as error:
            raise RuntimeError("no rows") from error


app = Celery("shop")
app.conf.beat_schedule = {"ask": {"task": "shop.ask", "schedule": Rows(60)}}


@app.task(name="shop.ask")
def ask() -> None:
    pass
