"""error: R008 task 'shop.mail': the countdown of the entry 'mail' of 7200 s is beyond the visibility timeout of 3600 s, so it runs several times…"""

from celery import Celery
from celery.schedules import crontab

app = Celery("shop", broker="redis://localhost/0")
app.conf.beat_schedule = {
    "mail": {"task": "shop.mail", "schedule": crontab(hour=18, minute=0), "options": {"countdown": 7200}}
}


@app.task(name="shop.mail")
def mail() -> None:
    pass
