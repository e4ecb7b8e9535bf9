"""warning: W015 setting 'broker_url': the source has the password of `broker_url`"""

from celery import Celery

app = Celery("shop", broker="sqs://key:s3cret@")
