from celery import Celery

# The password is also the name of the application, so a string that equals it says nothing.
app = Celery("shop", broker="amqp://user:{}@rabbit.example/".format("shop"))
