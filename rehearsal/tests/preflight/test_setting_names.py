"""Which names of settings are given, and which are read."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from celery.app import defaults
from celery_rehearsal.preflight.check import check
from celery_rehearsal.preflight.setting_names import DJANGO, REDBEAT, SettingNames

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.loaded import LoadedApp

SETTINGS = """
from celery import Celery

class Settings:
    {}

app = Celery("shop")
app.config_from_object(Settings, namespace={!r})
"""

OPTION = "`max_retries` is an option of a task: write `@app.task(max_retries=…)`, or use `task_annotations`."


def fixes(loaded: LoadedApp) -> dict[str | None, str]:
    """What each finding about a setting's name says to do."""
    return {each.setting: each.fix for each in check(loaded).findings if each.rule in {"W001", "W002", "W003"}}


def source(package: str) -> str:
    """The source of an installed package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    return "\n".join(path.read_text("utf-8") for path in sorted(Path(spec.origin).parent.rglob("*.py")))


def test_names_of_redbeat_are_those_that_it_reads() -> None:
    """By its own source."""
    assert set(re.findall(r"either_or\(\s*'(redbeat_\w+)'", source("redbeat"))) == REDBEAT


@pytest.mark.parametrize("package", ["django_celery_beat", "django_celery_results"])
def test_names_of_the_django_packages_are_those_that_they_read(package: str) -> None:
    """By their own source: names that begin with DJANGO_CELERY_."""
    assert set(re.findall(r"['.](DJANGO_CELERY_\w+)", source(package))) <= DJANGO


@pytest.mark.parametrize("namespace", [None, "CELERY", "SHOP"])
def test_each_setting_of_celery_is_read(opened: Callable[..., LoadedApp], namespace: str | None) -> None:
    """As the application writes it: behind its namespace, or in lower case."""
    names = SettingNames(opened(SETTINGS.format("pass", namespace)))
    assert {names.written(key) for key in defaults.SETTING_KEYS} <= names.read


@pytest.mark.parametrize(
    ("line", "namespace", "setting", "fix"),
    [
        ("CELERY_TASK_MAX_RETRIES = 3", "CELERY", "CELERY_TASK_MAX_RETRIES", OPTION),
        ("CELERY_MAX_RETRIES = 3", "CELERY", "CELERY_MAX_RETRIES", OPTION),
        ("CELERY_WORKER_CONCURENCY = 3", "CELERY", "CELERY_WORKER_CONCURENCY",
         "Did you mean `CELERY_WORKER_CONCURRENCY`?"),
        ("worker_concurency = 3", None, "worker_concurency", "Did you mean `worker_concurrency`?"),
        ("REDBEAT_REDIS_URI = 'redis://'", "CELERY", "REDBEAT_REDIS_URI", "Did you mean `REDBEAT_REDIS_URL`?"),
        ("SHOP_task_routes = {}", "SHOP", "SHOP_task_routes", "Write `SHOP_TASK_ROUTES`."),
        ("Redbeat_redis_url = 'redis://'", "CELERY", "Redbeat_redis_url", "Write `CELERY_REDBEAT_REDIS_URL`."),
        ("CELERY_SEND_EVENTS = True", None, "CELERY_SEND_EVENTS", "Write `worker_send_task_events`."),
        ("CELERY_CONCURRENCY = 3", "CELERY", "CELERY_CONCURRENCY", "Did you mean `CELERY_WORKER_CONCURRENCY`?"),
        ("CELERY_TIME_LIMIT = 3", "CELERY", "CELERY_TIME_LIMIT", "Did you mean `CELERY_TASK_TIME_LIMIT`?"),
        ("CELERY_TASK_BIND = True", "CELERY", "CELERY_TASK_BIND", OPTION.replace("max_retries", "bind")),
        ("CELERY_BROKER_URL = 'redis://'", None, "CELERY_BROKER_URL",
         "Write `broker_url`, or give `config_from_object` the argument `namespace='CELERY'`."),
        ("time_zone = 'UTC'", None, "time_zone", "Did you mean `timezone`?"),
        ("CELERYMON_LOG_LEVEL = 1", "CELERY", "CELERYMON_LOG_LEVEL",
         "Remove it, or give the name that the installed releases read."),
        ("CELERYBEAT_SCHEDULE = {}", "CELERY", "CELERYBEAT_SCHEDULE", "Write `CELERY_BEAT_SCHEDULE`."),
    ],
)  # fmt: skip
def test_finding_gives_the_right_name(
    opened: Callable[..., LoadedApp], line: str, namespace: str | None, setting: str, fix: str
) -> None:
    """A misspelling, a wrong case, an option of a task, or an old name."""
    assert fixes(opened(SETTINGS.format(line, namespace))) == {setting: fix}


@pytest.mark.parametrize(
    ("line", "namespace"),
    [
        ("CELERY_TASK_ACKS_LATE = True", "CELERY"),
        ("worker_concurrency = 3", "CELERY"),
        ("REDBEAT_LOCK_TIMEOUT = 60", "CELERY"),
        ("CELERY_REDBEAT_KEY_PREFIX = 'shop'", "CELERY"),
        ("DJANGO_CELERY_RESULTS = {}", "CELERY"),
        ("CELERY_SINGLETON_BACKEND_URL = 'redis://'", "CELERY"),
        ("SECRET_KEY = 'x'", "CELERY"),
        ("task_annotations = None", None),
        ("import json", None),
        ("def task_made(self): ...", None),
    ],
)
def test_name_that_is_read_or_not_meant_for_celery_is_no_finding(
    opened: Callable[..., LoadedApp], line: str, namespace: str | None
) -> None:
    """Names of extensions, of other software, modules and functions."""
    assert fixes(opened(SETTINGS.format(line, namespace))) == {}


def test_name_that_the_application_reads_itself_is_no_finding(opened: Callable[..., LoadedApp]) -> None:
    """As a string or as an attribute, anywhere in its source."""
    line = "CELERY_SHOP_PRICES = {}"
    read = '\n\ndef prices():\n    return getattr(Settings, "CELERY_SHOP_PRICES")\n'
    assert list(fixes(opened(SETTINGS.format(line, "CELERY")))) == ["CELERY_SHOP_PRICES"]
    assert fixes(opened(SETTINGS.format(line, "CELERY") + read)) == {}


@pytest.mark.parametrize(
    ("lines", "namespace", "fix"),
    [
        ("CELERYD_CONCURRENCY = 4", None, "Write `worker_concurrency`."),
        (
            "CELERYD_CONCURRENCY = 4; CELERY_WORKER_CONCURRENCY = 4",
            "CELERY",
            "Remove it: `CELERY_WORKER_CONCURRENCY` is there too.",
        ),
    ],
)
def test_old_name_next_to_the_new_one_is_to_be_removed(
    opened: Callable[..., LoadedApp], lines: str, namespace: str | None, fix: str
) -> None:
    """As a project has both for an upgrade. Alone, the old name is to be changed."""
    assert fixes(opened(SETTINGS.format(lines, namespace))).get("CELERYD_CONCURRENCY") == fix
