from . import lazy
from .celery import app

__all__ = ["app", "lazy", "send"]


@app.task
def send() -> None:
    pass
