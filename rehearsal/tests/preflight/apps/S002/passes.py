from typing import Any

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {
    "greet": {"task": "shop.greet", "schedule": 3600, "args": ("Olena",), "kwargs": {"when": "evening"}}
}


@app.task(name="shop.greet", bind=True, autoretry_for=(OSError,))
def greet(self: Any, name: str, *, when: str = "day") -> str:
    return f"Good {when}, {name}"
