"""warning: P002 task 'mail.*': `outages` in pyproject.toml names it, and the application has no such task
warning: P002 task 'shop.closing': `running_times` in pyproject.toml names it, and the application has no such task"""

from celery import Celery

app = Celery("shop")


@app.task(name="shop.close")
def close() -> None:
    pass
