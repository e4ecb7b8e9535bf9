from celery import Celery

app = Celery("shop", broker="redis://127.0.1.1/0;redis://[::1]:6379/0")
