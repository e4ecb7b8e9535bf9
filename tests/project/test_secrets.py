"""Secrets come from the environment, and go nowhere else."""

import re
from pathlib import Path
from typing import Any

import pytest

from .production import KEY, python, setting
from .running import SETUP

pytestmark = pytest.mark.processes

WORD = "hunter2"
SECRETS = {
    "DATABASE_URL": f"postgres://refunds:{WORD}@127.0.0.1:1/refunds",
    "CELERY_BROKER_URL": f"redis://:{WORD}@127.0.0.1:1/0",
    "CELERY_RESULT_BACKEND": f"redis://:{WORD}@127.0.0.1:1/1",
    "REFUNDS_LIMITER_URL": f"redis://:{WORD}@127.0.0.1:1/2",
    "CELERY_REDBEAT_REDIS_URL": f"redis://:{WORD}@127.0.0.1:1/3",
    "CELERY_BEAT_SCHEDULER": "redbeat.RedBeatScheduler",
    "DJANGO_EMAIL_HOST_PASSWORD": WORD,
    "DJANGO_SECRET_KEY": f"{WORD}-{KEY}",
    "DJANGO_SECRET_KEY_FALLBACKS": f"{WORD}-before-{KEY}",
    "STRIPE_API_KEY": f"sk_live_{WORD}",
    "STRIPE_WEBHOOK_SECRET": f"whsec_{WORD} whsec_{WORD}_before",
    "REFUNDS_GATEWAY": "stripe",
    "REFUNDS_ADMINS": "admin@example.com",
}
NAME = re.compile("KEY|PASS|SECRET|TOKEN", re.IGNORECASE)
CREDENTIALS = re.compile(r"://[^/]*@")
BREAK = """
import json, logging, time
from celery.worker.control import conf
from celery_app import app
from django.conf import settings
from django.test import Client
from refunds import outbox, tasks
from tests.stripe.events import signature_header
logging.getLogger().setLevel(logging.DEBUG)
# A task that fails, a message that cannot be sent, a page that fails: each is logged and mailed.
print(tasks.plan_sweep.apply(kwargs={"sweep_id": 1}, throw=False, retries=5).traceback)
app.conf.broker_connection_timeout = 0.1
outbox._publish(outbox.PLAN_SWEEP, [{"sweep_id": 1}], {})
client = Client(raise_request_exception=False, headers={"host": "localhost"})
print(client.get("/opt-out/x/", DATABASE_URL=__import__("os").environ["DATABASE_URL"]).status_code)
print(client.post("/admin/login/", {"username": "a", "password": "b"}).status_code)
# An event that Stripe did not sign, and one that it did: the database is away.
body = '{"object": "event", "type": "refund.updated", "data": {"object": {"id": "re_1", "metadata": {"refund": "k"}}}}'
for secret in ("whsec_other", settings.STRIPE_WEBHOOK_SECRET.split()[1]):
    headers = {"stripe-signature": signature_header(body, secret, int(time.time()))}
    print("webhook", client.post("/payments/stripe/", body, "application/json", headers=headers).status_code)
# What `celery report` and `celery inspect conf` show.
shown = app.bugreport() + repr(app.conf.table(with_defaults=True, censored=True))
print("shown", "STRIPE_WEBHOOK_SECRET" in shown, "whsec_" in shown)
print(json.dumps(conf(type("State", (), {"app": app}))))
"""


def leaves(name: str, value: Any) -> list[tuple[str, str]]:
    """The texts of a setting, each with the names that lead to it."""
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in leaves(f"{name}.{key}", each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(name, each)]
    return [(name, value)] if isinstance(value, str) else []


def test_empty_environment_has_no_secret(tmp_path: Path) -> None:
    """No key, password or token has a default, and no URL has a user. Each process signs with another key."""
    shown = "{name: getattr(settings, name) for name in dir(settings) if name.isupper()}"
    first, second = (setting(tmp_path, shown) for _ in range(2))
    assert first.pop("SECRET_KEY") != second.pop("SECRET_KEY")
    found = [leaf for name, value in first.items() for leaf in leaves(name, value)]
    assert [leaf for leaf in found if CREDENTIALS.search(leaf[1])] == []
    named = [(name, value) for name, value in found if NAME.search(name.rpartition(".")[2])]
    assert {"STRIPE_API_KEY", "DATABASES.default.PASSWORD"} <= dict(named).keys()
    assert [leaf for leaf in named if leaf[1]] == []


def test_no_secret_is_in_a_log_or_a_report(tmp_path: Path) -> None:
    """While database, broker and payment provider are down, logs and mails show no secret.

    `celery report` and what `celery inspect conf` answers, which people paste into issues, name no password.
    """
    done = python(tmp_path, "-c", SETUP + BREAK, environment=SECRETS)
    report = python(tmp_path, "-m", "celery", "-A", "refunds.project.app", "report", environment=SECRETS).stdout
    said = done.stdout + done.stderr
    task, broker = "Task refunds.plan_sweep failed: OperationalError", "sent 0 of 1 messages"
    for reported in (task, "500", broker, "Settings:", "webhook 400", "webhook 500", "shown True False"):
        assert reported in said
    for name in ("CELERY_BROKER_URL", "CELERY_REDBEAT_REDIS_URL", "REFUNDS_LIMITER_URL"):
        assert f"{name}: '********'" in report
        assert f'"{name}": "********"' in done.stdout
    assert [line for line in (said + report).splitlines() if WORD in line] == []
