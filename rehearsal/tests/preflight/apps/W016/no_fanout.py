from celery import Celery

app = Celery("shop", broker="azureservicebus://shop.example")
