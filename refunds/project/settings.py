"""The default project: runs as it is, and every value a deployment changes comes from the environment."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django
from django.core.management.utils import get_random_secret_key
from kombu import Exchange, Queue

from ..domain import cutoff
from ..notices import settings as notices
from ..notices.settings import *  # noqa: F403
from ..schedule import beat_schedule
from .embedded.files import running
from .environment import admins, codes, database, flag, lines_on_stderr

DEBUG = flag("DJANGO_DEBUG")
# Without a key of its own a process signs with a passing one: safe, but its sessions end with it, and two web
# processes do not read each other's. `check --deploy` asks for the real one.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
# The keys of before, by white space: links in mails do not expire, and are to work after a change of the key.
SECRET_KEY_FALLBACKS = os.environ.get("DJANGO_SECRET_KEY_FALLBACKS", "").split()
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

# Everything by HTTPS alone: what `check --deploy` asks for.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = flag("DJANGO_HTTPS")
# Seconds in which a browser that was here asks by HTTPS alone, and cannot be talked out of it: an hour to begin with.
SECURE_HSTS_SECONDS = int(os.environ.get("DJANGO_HSTS_SECONDS", "3600")) if SECURE_SSL_REDIRECT else 0
# HSTS for all subdomains, and browsers' preload lists, bind other hosts as well: for whoever owns the domain to say, in
# the proxy that serves it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Only behind a proxy that sets this header itself: anyone else could send it, and be believed.
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
    "refunds.importing",
    "refunds.notices",
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
# Where `collectstatic` puts the files of the admin, and WhiteNoise (refunds[web]) finds them in the web process: a
# proxy in front need not share a disk with it. Names have a hash of the content: browsers may keep a file for ever.
STATIC_ROOT = os.environ.get("DJANGO_STATIC_ROOT") or None
if STATIC_ROOT:
    MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
# Scripts and styles from this host's own files alone: text that got into a page unescaped runs nothing.
SECURE_CSP = {
    "default-src": ["'self'"],
    # The four that `default-src` says nothing of: https://www.w3.org/TR/CSP3/#directives
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
# Seconds from the login, used or not: a working day. A browser that was left open approves nothing the next morning.
SESSION_COOKIE_AGE = 8 * 60 * 60
# After a login that names no page of this host: Django's own default is a page that no project has.
LOGIN_REDIRECT_URL = "admin:index"
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = cutoff.ZONE.key
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# The folder is quoted: in a URL, what follows a # or ? in its name would be no part of the path.
DATABASES = {"default": database(os.environ.get("DATABASE_URL", f"sqlite:///{quote(str(Path.cwd()))}/refunds.sqlite3"))}

_MAIL = os.environ.get("DJANGO_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
# What the SMTP backend is told, by the names that Django 6.1 has for it.
_SMTP: dict[str, Any] = {
    "host": os.environ.get("DJANGO_EMAIL_HOST", "localhost"),
    "port": int(os.environ.get("DJANGO_EMAIL_PORT", "25")),
    "username": os.environ.get("DJANGO_EMAIL_HOST_USER", ""),
    "password": os.environ.get("DJANGO_EMAIL_HOST_PASSWORD", ""),
    "use_tls": flag("DJANGO_EMAIL_USE_TLS"),
    # Seconds for each answer: Django waits for ever, and a server that falls silent would hold its worker.
    "timeout": 10,
}
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MAIL, "OPTIONS": _SMTP if _MAIL.endswith(".smtp.EmailBackend") else {}}}
else:
    EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS = _MAIL, _SMTP["host"], _SMTP["port"], _SMTP["use_tls"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_TIMEOUT = _SMTP["username"], _SMTP["password"], _SMTP["timeout"]
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("DJANGO_FROM_EMAIL", "returns@localhost")


# Who hears of failed tasks and of the evening digest.
ADMINS = admins(os.environ.get("REFUNDS_ADMINS", ""))

# The currencies that an import accepts, by commas: codes of ISO 4217, whose decimals are in refunds.domain.currencies.
# What is stored in another one is decided, paid and shown as before.
REFUNDS_CURRENCIES = codes(os.environ.get("REFUNDS_CURRENCIES", "CHF,CZK,EUR,GBP,JPY,KWD,PLN,UAH,USD"))
# The payer: a dotted path to a refunds.gateways.Gateway, or one of the short names in refunds.gateways.
REFUNDS_GATEWAY = os.environ.get("REFUNDS_GATEWAY", "wallet")
# Calls to the payer over all workers, such as 50/s; empty for no limit. Stripe allows 100 a second, 25 in a sandbox,
# for all that an account does (https://docs.stripe.com/rate-limits). The wallet is in the database and knows none.
REFUNDS_GATEWAY_RATE = os.environ.get("REFUNDS_GATEWAY_RATE", "50/s" if REFUNDS_GATEWAY == "stripe" else "")
# Read by the Stripe gateway alone, which passes it to nothing but Stripe's own client.
STRIPE_API_KEY = os.environ.get("STRIPE_API_KEY", "")
STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "https://api.stripe.com")
# Read by the web process: the signing secret of the webhook endpoint at Stripe (whsec_…), or several by white space
# while one is replaced by another. Empty: there is no page for Stripe to post to.
STRIPE_WEBHOOK_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
# Seconds to connect, and again between two bytes of the answer; an attempt makes at most two calls that succeed and one
# that does not, within pay_refund's time limit of 50.
STRIPE_TIMEOUT = float(os.environ.get("STRIPE_TIMEOUT", "15"))
# Seconds by which a process's clock may differ from PostgreSQL's before it decides nothing by a cutoff. NTP keeps
# clocks within milliseconds: a clock that is further off is one that nothing sets.
REFUNDS_CLOCK_TOLERANCE = float(os.environ.get("REFUNDS_CLOCK_TOLERANCE", "5"))

# Next to a `serve` that runs on this database: its broker and its results, for every process that is told no other.
_SERVE = running(DATABASES["default"])
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or _SERVE.get("broker") or "redis://localhost:6379/0"
if CELERY_BROKER_URL.startswith(("amqp:", "amqps:")):
    # RabbitMQ says that it has a message before dispatch takes it for sent: one that a closing connection swallows is
    # sent by the reconciler at the earliest a minute later.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
CELERY_RESULT_BACKEND = os.environ.get("CELERY_RESULT_BACKEND") or _SERVE.get("results") or "redis://localhost:6379/1"
if CELERY_RESULT_BACKEND == "django-db":
    INSTALLED_APPS.append("django_celery_results")
CELERY_BEAT_SCHEDULER = os.environ.get("CELERY_BEAT_SCHEDULER", "celery.beat:PersistentScheduler")
# By its short name too, and where our own scheduler stands on it: docs/schedules.md.
if CELERY_BEAT_SCHEDULER.startswith(("django", "refunds.beat")):
    INSTALLED_APPS.append("django_celery_beat")
elif CELERY_BEAT_SCHEDULER.startswith("redbeat"):
    # Named, because RedBeat's own default, the broker's, goes with its release 2.5.
    CELERY_REDBEAT_REDIS_URL = os.environ.get("CELERY_REDBEAT_REDIS_URL", CELERY_BROKER_URL)
    CELERY_REDBEAT_KEY_PREFIX = os.environ.get("CELERY_REDBEAT_KEY_PREFIX", "redbeat:")
    # Seconds. Its lock outlives a killed beat by five of these; of Celery's 300 that would be 25 minutes without beat.
    CELERY_BEAT_MAX_LOOP_INTERVAL = 10
# Where the calls to the payer are counted. memory:// counts those of each process by itself.
REFUNDS_LIMITER = "refunds.rate.limiter.limiter"
REFUNDS_LIMITER_URL = os.environ.get(
    "REFUNDS_LIMITER_URL", CELERY_BROKER_URL if CELERY_BROKER_URL.startswith(("redis:", "rediss:")) else "memory://"
)
# Celery does not read TIME_ZONE; without this the crontab's 18:00 is 18:00 UTC.
CELERY_TIMEZONE = cutoff.ZONE.key
CELERY_BEAT_SCHEDULE = beat_schedule() | notices.BEAT_SCHEDULE
# After a kill, beat sends again what it sent since its last write of the schedule file: keep that to one entry.
CELERY_BEAT_SYNC_EVERY = 1
# Whoever reaches the broker can send a message; unpickling one would run their code.
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_ACCEPT_CONTENT = ["json"]
# One message that Celery does not expect would end every worker, one after the other: ours refuses it.
CELERY_WORKER_CONSUMER = "refunds.worker.consumer:Consumer"
# Remote control lets everybody who reaches the broker shut the workers down; Flower and `celery inspect` need it.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = flag("CELERY_WORKER_ENABLE_REMOTE_CONTROL")
# One queue for each thing that may pile up by itself; a name with a typo fails instead of making a queue no one reads.
CELERY_TASK_DEFAULT_QUEUE = "decisions"
# RabbitMQ's alone, which refuses any other word: classic, or quorum, which keeps its messages on several machines.
REFUNDS_QUEUE_TYPE = os.environ.get("REFUNDS_QUEUE_TYPE", "classic")
# A quorum queue gets what is due later through RabbitMQ's delayed delivery, which Celery binds to no direct exchange. A
# direct one everywhere else: Celery then publishes to the queue itself, and needs no binding, which a Redis that was
# flushed has lost without a word to anybody. The key is named, or Celery binds every queue by the default queue's.
_EXCHANGE = Exchange("returns", type="topic" if REFUNDS_QUEUE_TYPE == "quorum" else "direct")
CELERY_TASK_QUEUES = [
    Queue(
        name,
        _EXCHANGE,
        routing_key=name,
        queue_arguments={"x-queue-type": REFUNDS_QUEUE_TYPE},
    )
    for name in ("decisions", "payments", *notices.TASK_QUEUES, "upkeep")
]
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ROUTES = {
    "refunds.plan_sweep": {"queue": "decisions"},
    "refunds.decide_chunk": {"queue": "decisions"},
    "refunds.decline_pending": {"queue": "decisions"},
    "refunds.pay_refund": {"queue": "payments"},
    "refunds.pay_refunds": {"queue": "payments"},
    "refunds.look_up_refund": {"queue": "payments"},
    "refunds.reconcile": {"queue": "upkeep"},
    **notices.TASK_ROUTES,
}
# A worker that dies leaves its message to another; every task here can run twice.
CELERY_TASK_ACKS_LATE = True
# Seconds: a chunk takes well under one. Below the broker's visibility timeout (3,600), or the message comes twice.
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
# A child holds the message that it runs and no other, as it is acknowledged late: another worker can take the rest.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Nobody reads results by default; a task that someone waits for says so itself.
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Tasks after which Celery closes the database connection, whatever CONN_MAX_AGE says: none. worker.connections does it.
CELERY_DB_REUSE_MAX = sys.maxsize
