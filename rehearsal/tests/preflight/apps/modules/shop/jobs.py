import celery
from celery import Celery, shared_task
from celery import shared_task as job

from .celery import app
from .other import another

own = Celery("another")


@app.task(bind=True)
def report(self: object) -> None:
    pass


@shared_task
def tidy() -> None:
    pass


@job(name="shop.count")
def count() -> None:
    pass


@celery.shared_task(ignore_result=True)
def drop() -> None:
    pass


@another.task
def of_another_application() -> None:
    pass


@own.task
def of_its_own_application() -> None:
    pass


# The workers have it: shop/tasks.py registers this name.
@app.task(name="shop.tasks.send")
def send() -> None:
    pass
