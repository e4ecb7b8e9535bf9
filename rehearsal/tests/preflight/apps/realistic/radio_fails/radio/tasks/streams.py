from typing import Any

from celery import shared_task


class StreamDown(OSError):
    pass


@shared_task(name="radio.watch_stream", autoretry_for=(StreamDown,), max_retries=3, default_retry_delay=30)
def watch_stream() -> None:
    raise StreamDown


@shared_task(name="radio.update_playlist", bind=True, max_retries=2)
def update_playlist(self: Any) -> None:
    try:
        raise StreamDown
    except StreamDown as error:
        raise self.retry(exc=error, countdown=60) from error


@shared_task(name="radio.record_programme", reject_on_worker_lost=True)
def record_programme(number: int) -> None:
    pass
