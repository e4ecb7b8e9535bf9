"""warning: W013 setting 'accept_content': `accept_content` has pickle, so those who can write to the broker can run code"""

from celery import Celery

app = Celery("shop")
app.conf.accept_content = ["json", "application/x-python-serialize"]
