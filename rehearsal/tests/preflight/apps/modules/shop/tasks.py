from .celery import app


@app.task
def send() -> None:
    pass
