"""info: W016 setting 'worker_enable_remote_control': workers obey remote control from all who can write to the broker"""

from celery import Celery

app = Celery("shop", broker="redis://redis.example/0")
