from celery import shared_task as job

from .lazy import thing

PATTERN = "\d"  # noqa: W605
THING = thing


@job
def matches() -> None:
    pass
