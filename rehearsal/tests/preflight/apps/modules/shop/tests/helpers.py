from celery import shared_task


@shared_task
def only_in_tests() -> None:
    pass
