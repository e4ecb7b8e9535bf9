"""warning: S018 entry 'poll', task 'shop.poll': each run takes 10 min, and the next one is due after 5 min. In a simulation of 5 firings with 1 slot, 2 expire unread"""

from celery import Celery

app = Celery("shop")
app.conf.beat_schedule = {"poll": {"task": "shop.poll", "schedule": 300, "options": {"expires": 120}}}


@app.task(name="shop.poll")
def poll() -> None:
    pass
