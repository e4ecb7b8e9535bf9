from celery import Celery

app = Celery("shop")
app.conf.accept_content = ["json", "yaml"]
