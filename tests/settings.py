"""The default project, with a database and a mail box of the tests' own and no server anywhere."""

from refunds.environment import admins, database
from refunds.settings import *  # noqa: F403

SECRET_KEY = "tests only"
DATABASES = {"default": database("sqlite://:memory:")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; guards nothing here
ADMINS = admins("admin@example.com")
CELERY_BROKER_URL = "memory://"
CELERY_RESULT_BACKEND = "cache+memory://"
