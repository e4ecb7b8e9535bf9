from celery import shared_task


class TillOffline(Exception):
    pass


@shared_task(autoretry_for=(TillOffline,), max_retries=3)
def close_till() -> None:
    raise TillOffline


@shared_task
def count_visitors() -> None:
    pass


@shared_task(autoretry_for=(TillOffline,), retry_backoff=True, max_retries=6)
def send_ticket(number: int) -> None:
    raise TillOffline(number)


@shared_task
def ask_for_opinion(number: int) -> None:
    pass


@shared_task(acks_late=True, time_limit=1800, soft_time_limit=1700)
def report_year() -> None:
    pass
