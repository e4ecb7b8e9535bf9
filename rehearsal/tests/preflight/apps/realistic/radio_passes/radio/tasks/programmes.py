from celery import shared_task


class NoForecast(Exception):
    def __init__(self, place: str, status: int) -> None:
        super().__init__(place, status)


@shared_task(
    name="radio.fetch_weather",
    autoretry_for=(OSError,),
    retry_backoff=30,
    retry_backoff_max=600,
    max_retries=5,
)
def fetch_weather() -> None:
    raise NoForecast("Lviv", 503)


@shared_task(name="radio.publish_week")
def publish_week(day: str) -> None:
    pass
