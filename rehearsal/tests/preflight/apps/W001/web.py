"""error: W001 setting 'CELERY_SEND_SENT_EVENT': neither Celery nor a known extension reads `CELERY_SEND_SENT_EVENT`"""

from celery import Celery

# As web frameworks keep the settings of a whole site.
SITE = {"DEBUG": False, "SESSION_NAME": "shop", "CELERY_SEND_SENT_EVENT": True, "SQL_ECHO": True}
app = Celery("shop")
app.conf.update(SITE)
