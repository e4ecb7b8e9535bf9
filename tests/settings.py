"""The default project, with a database and a mail box of the tests' own and no server anywhere."""

from importlib.util import find_spec

from refunds.project.environment import admins, database
from refunds.project.settings import *  # noqa: F403

SECRET_KEY = "tests only"
DATABASES = {"default": database("sqlite://:memory:")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; guards nothing here
ADMINS = admins("admin@example.com")
CELERY_BROKER_URL = "memory://"
CELERY_RESULT_BACKEND = "cache+memory://"
# Its rows are held to the declared schedule; left out where it cannot be installed (up to 2.9, beside Django 6.1).
if find_spec("django_celery_beat"):
    INSTALLED_APPS = [*INSTALLED_APPS, "django_celery_beat"]  # noqa: F405
