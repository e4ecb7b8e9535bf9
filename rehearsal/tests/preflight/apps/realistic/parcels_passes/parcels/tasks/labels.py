from ..celery import app


@app.task
def print_all() -> None:
    pass
