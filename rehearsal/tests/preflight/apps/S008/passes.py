from celery import Celery

app = Celery("shop")
# A link to Europe/Brussels, and the current name for the Netherlands.
app.conf.update(timezone="Europe/Amsterdam")
