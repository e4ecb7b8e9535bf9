from typing import Any

from ..celery import app


class CourierAway(Exception):
    def __init__(self, courier: str, minutes: int) -> None:
        super().__init__(courier, minutes)


@app.task(autoretry_for=(ConnectionError,), max_retries=1, default_retry_delay=60)
def ask() -> None:
    raise ConnectionError


@app.task(bind=True, max_retries=5)
def collect(self: Any) -> None:
    raise self.retry(countdown=120)


@app.task
def hand_over(parcel: int) -> None:
    raise CourierAway("Asha", parcel)


@app.task(autoretry_for=(ConnectionError,), retry_kwargs={"max_retries": 5, "countdown": 15})
def notify(parcel: int) -> None:
    raise ConnectionError
