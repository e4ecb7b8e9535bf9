"""Define the default project's settings. A deployment changes them by environment variables (docs/running.md)."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django
from django.core.management.utils import get_random_secret_key

from .. import settings as core
from ..brakes import settings as brakes
from ..clocks import settings as clocks
from ..domain import cutoff
from ..notices import settings as notices
from ..notices.settings import *  # noqa: F403
from ..rate.settings import *  # noqa: F403
from ..settings import *  # noqa: F403
from ..stripe import settings as stripe
from ..stripe.settings import *  # noqa: F403
from ..tracking import settings as tracking
from ..worker.settings import *  # noqa: F403
from .embedded.files import running
from .environment import admins, codes, database, flag, lines_on_stderr

DEBUG = flag("DJANGO_DEBUG")
# Without a key in the environment, each process makes one. That is safe, but sessions end with their process, and two
# web processes do not accept each other's. `check --deploy` reports the missing variable.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
# Earlier keys, separated by white space: links in mails do not expire, and must work after a change of the key.
SECRET_KEY_FALLBACKS = os.environ.get("DJANGO_SECRET_KEY_FALLBACKS", "").split()
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

# Serve only HTTPS, as `check --deploy` requires.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = flag("DJANGO_HTTPS")
# Seconds for which browsers use only HTTPS for this host. Nothing can revoke that, so begin with an hour.
SECURE_HSTS_SECONDS = int(os.environ.get("DJANGO_HSTS_SECONDS", "3600")) if SECURE_SSL_REDIRECT else 0
# HSTS for subdomains, and browsers' preload lists, bind other hosts too: the domain's owner sets them in the proxy.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Set this only behind a proxy that overwrites the header: Django would trust any client that sends it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("DJANGO_BEHIND_PROXY") else None
DEFAULT_EXCEPTION_REPORTER_FILTER = "refunds.project.redaction.Redacted"
if not DEBUG:
    LOGGING = lines_on_stderr()

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "refunds",
    "refunds.beat",
    "refunds.brakes",
    "refunds.clocks",
    "refunds.importing",
    "refunds.notices",
    "refunds.overview",
    "refunds.project",
    "refunds.rate",
    "refunds.remedies",
    "refunds.stripe",
    "refunds.tracking",
    "refunds.worker",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ROOT_URLCONF = "refunds.project.urls"
WSGI_APPLICATION = "refunds.project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).with_name("templates")],  # before Django's own, which they extend
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"
# `collectstatic` writes the admin's files here, and WhiteNoise (refunds[web]) serves them from the web process, so that
# a proxy needs no shared disk. Names have a hash of the content, so browsers can cache each file.
STATIC_ROOT = os.environ.get("DJANGO_STATIC_ROOT") or None
if STATIC_ROOT:
    MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
# Browsers run scripts and apply styles only from this host's files: unescaped text on a page cannot run.
SECURE_CSP = {
    "default-src": ["'self'"],
    # `default-src` does not cover these four: https://www.w3.org/TR/CSP3/#directives
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "object-src": ["'none'"],
}
MIDDLEWARE.insert(
    1,
    "django.middleware.csp.ContentSecurityPolicyMiddleware"
    if django.VERSION >= (6, 0)
    else "refunds.project.hardening.content_security_policy",
)
# Seconds from the login, whether used or not: a working day. A browser that was left open cannot approve the next day.
SESSION_COOKIE_AGE = 8 * 60 * 60
# The page after a login without another page: Django's default does not exist here.
LOGIN_REDIRECT_URL = "admin:index"
# The pages follow the browser's language; a browser that asks for neither gets English.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("uk", "українська")]
USE_TZ = True
TIME_ZONE = cutoff.ZONE.key
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The folder is quoted, because a # or ? in its name would end the path of the URL.
DATABASES = {"default": database(os.environ.get("DATABASE_URL", f"sqlite:///{quote(str(Path.cwd()))}/refunds.sqlite3"))}

_MAIL = os.environ.get("DJANGO_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
# The options of the SMTP backend, by their names in Django 6.1.
_SMTP: dict[str, Any] = {
    "host": os.environ.get("DJANGO_EMAIL_HOST", "localhost"),
    "port": int(os.environ.get("DJANGO_EMAIL_PORT", "25")),
    "username": os.environ.get("DJANGO_EMAIL_HOST_USER", ""),
    "password": os.environ.get("DJANGO_EMAIL_HOST_PASSWORD", ""),
    "use_tls": flag("DJANGO_EMAIL_USE_TLS"),
    # Seconds for each answer: by Django's default, a server that does not answer would block a worker for ever.
    "timeout": 10,
}
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MAIL, "OPTIONS": _SMTP if _MAIL.endswith(".smtp.EmailBackend") else {}}}
else:
    EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS = _MAIL, _SMTP["host"], _SMTP["port"], _SMTP["use_tls"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_TIMEOUT = _SMTP["username"], _SMTP["password"], _SMTP["timeout"]
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("DJANGO_FROM_EMAIL", "returns@localhost")
# The admins get the mails about failed tasks, and the evening digest.
ADMINS = admins(os.environ.get("REFUNDS_ADMINS", ""))

if "REFUNDS_CURRENCIES" in os.environ:
    REFUNDS_CURRENCIES = codes(os.environ["REFUNDS_CURRENCIES"])
REFUNDS_FLOWER_URL = os.environ.get("REFUNDS_FLOWER_URL", "")
REFUNDS_CLOCK_TOLERANCE = float(os.environ.get("REFUNDS_CLOCK_TOLERANCE", clocks.REFUNDS_CLOCK_TOLERANCE))
REFUNDS_QUEUE_TYPE = os.environ.get("REFUNDS_QUEUE_TYPE", core.REFUNDS_QUEUE_TYPE)
REFUNDS_GATEWAY = os.environ.get("REFUNDS_GATEWAY", core.REFUNDS_GATEWAY)
REFUNDS_HOLD = int(os.environ.get("REFUNDS_HOLD", core.REFUNDS_HOLD))
if REFUNDS_GATEWAY == "stripe":
    REFUNDS_GATEWAY_RATE = os.environ.get("REFUNDS_GATEWAY_RATE", stripe.RATE)

# If `serve` runs on this database, use its broker and results, unless the environment names others.
_SERVE = running(DATABASES["default"])
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or _SERVE.get("broker") or "redis://localhost:6379/0"
CELERY_RESULT_BACKEND = os.environ.get("CELERY_RESULT_BACKEND") or _SERVE.get("results") or "redis://localhost:6379/1"
if CELERY_RESULT_BACKEND == "django-db":
    INSTALLED_APPS.append("django_celery_results")
CELERY_BEAT_SCHEDULER = os.environ.get("CELERY_BEAT_SCHEDULER", "celery.beat:PersistentScheduler")
# django-celery-beat has a short name, and our scheduler extends it: docs/schedules.md.
if CELERY_BEAT_SCHEDULER.startswith(("django", "refunds.beat")):
    INSTALLED_APPS.append("django_celery_beat")
elif CELERY_BEAT_SCHEDULER.startswith("redbeat"):
    # Set this, because RedBeat 2.5 ignores its own default, the broker's Redis.
    CELERY_REDBEAT_REDIS_URL = os.environ.get("CELERY_REDBEAT_REDIS_URL", CELERY_BROKER_URL)
    CELERY_REDBEAT_KEY_PREFIX = os.environ.get("CELERY_REDBEAT_KEY_PREFIX", "redbeat:")
    # Seconds. RedBeat's lock outlives a killed beat by five of these: 25 minutes by Celery's default of 300.
    CELERY_BEAT_MAX_LOOP_INTERVAL = 10
if CELERY_BROKER_URL.startswith(("redis:", "rediss:")):
    REFUNDS_LIMITER_URL = os.environ.get("REFUNDS_LIMITER_URL", CELERY_BROKER_URL)
CELERY_WORKER_ENABLE_REMOTE_CONTROL = flag("CELERY_WORKER_ENABLE_REMOTE_CONTROL")

# Merge the core's values and the rooms'.
CELERY_BEAT_SCHEDULE = core.BEAT_SCHEDULE | notices.BEAT_SCHEDULE
CELERY_TASK_ROUTES = core.TASK_ROUTES | brakes.TASK_ROUTES | tracking.TASK_ROUTES | notices.TASK_ROUTES
CELERY_TASK_QUEUES = core.queues([*core.TASK_QUEUES, *notices.TASK_QUEUES], REFUNDS_QUEUE_TYPE)
