from ..celery import app


@app.task(serializer="pickle")
def month(depot: str) -> None:
    pass


@app.task
def day(depots: list[str], written_by: str) -> None:
    pass
