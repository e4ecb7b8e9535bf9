from celery import shared_task


@shared_task
def plan() -> None:
    pass


@shared_task
def remind_guides() -> None:
    pass


@shared_task
def print_labels(room: int) -> None:
    pass
