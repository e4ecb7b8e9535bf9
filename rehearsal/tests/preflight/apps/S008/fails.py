"""info: S008 setting 'timezone': 'Europe/Kiev' is an old name of 'Europe/Kyiv'"""

from celery import Celery

app = Celery("shop")
app.conf.update(timezone="Europe/Kiev")
