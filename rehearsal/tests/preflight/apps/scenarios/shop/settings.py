SECRET_KEY = "a fixture"
USE_TZ = True
TIME_ZONE = "Europe/Kyiv"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "no-such-folder/db"}}

CELERY_BROKER_URL = "redis://redis.example/0"
CELERY_RESULT_BACKEND = "redis://redis.example/1"
CELERY_RESULT_EXTENDED = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
