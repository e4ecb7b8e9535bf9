"""error: W008 task 'shop.send': the soft time limit of 60 s is not below the hard one of 60 s"""

from celery import Celery

app = Celery("shop")
app.conf.task_time_limit = 60


@app.task(name="shop.send", soft_time_limit=60)
def send() -> None:
    pass
