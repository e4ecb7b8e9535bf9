from celery import Celery

app = Celery("parcels")
app.config_from_object("parcels.celeryconfig")
