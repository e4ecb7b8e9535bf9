"""error: S002 entry 'greet', task 'shop.greet': the arguments do not fit the task 'shop.greet': …"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"greet": {"task": "shop.greet", "schedule": 3600, "args": ("Olena", "evening")}}


@app.task(name="shop.greet")
def greet(name: str) -> str:
    return f"Good day, {name}"
