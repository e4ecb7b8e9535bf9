from celery import Celery

# What a developer's machine has: nobody else can reach it.
app = Celery("shop", broker="amqp://shop:s3cret@127.0.0.1/", backend="redis://:s3cret@localhost/1")
