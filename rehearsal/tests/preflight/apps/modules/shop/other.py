from celery import Celery

another = Celery("another")
