from celery import shared_task


@shared_task
def confirm(order: int) -> None:
    pass
