"""What the environment makes of the default project where it is served for real."""

import json
from pathlib import Path
from typing import Any

import pytest

from .production import documented, python, refunds

pytestmark = pytest.mark.processes

DEPLOY = ("check", "--deploy", "--fail-level", "WARNING")
ASK = """
import json
from refunds.project import settings
print(json.dumps({name: getattr(settings, name, None) for name in {names}}))
"""
HTTPS = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
GET = """
import refunds.project.app, django
django.setup()
from django.test import Client
client = Client(raise_request_exception=False, headers={"host": "localhost"})
answer = client.get("/admin/login/", headers={"x-forwarded-proto": "https"})
print(answer.status_code, answer.headers.get("Location"), answer.headers.get("Strict-Transport-Security"))
"""


def settings_for(folder: Path, *names: str, **environment: str) -> dict[str, Any]:
    found = python(folder, "-c", ASK.replace("{names}", repr(names)), environment=environment)
    values: dict[str, Any] = json.loads(found.stdout)
    return values


def test_the_documented_environment_passes_djangos_deployment_check(tmp_path: Path) -> None:
    """With the variables of docs/operations.md Django's deployment check warns of nothing."""
    done = refunds(tmp_path, *DEPLOY, environment=documented())
    assert done.stdout == "System check identified no issues (2 silenced).\n"


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"DJANGO_HTTPS": ""}, "security.W008"),
        ({"DJANGO_SECRET_KEY": ""}, "refunds.W001"),
        ({"DJANGO_SECRET_KEY": "short"}, "security.W009"),
        ({"DJANGO_SECRET_KEY_FALLBACKS": "short"}, "security.W025"),
        ({"DJANGO_DEBUG": "1"}, "security.W018"),
        ({"DJANGO_HSTS_SECONDS": "0"}, "security.W004"),
        ({"REFUNDS_GATEWAY_RATE": "50/s", "REFUNDS_LIMITER_URL": "memory://"}, "refunds.W002"),
    ],
)
def test_the_check_warns_of_each_missing_variable(tmp_path: Path, change: dict[str, str], warning: str) -> None:
    """Without each documented variable that protects something, the check warns."""
    done = refunds(tmp_path, *DEPLOY, environment=documented() | change, check=False)
    assert done.returncode == 1
    assert warning in done.stderr


def test_https_is_all_or_nothing(tmp_path: Path) -> None:
    """One variable switches cookies, redirect and an hour of HSTS; without it the project works over HTTP."""
    assert settings_for(tmp_path, *HTTPS) == dict(zip(HTTPS, (False, False, False, 0), strict=True))
    assert settings_for(tmp_path, *HTTPS, DJANGO_HTTPS="1") == dict(zip(HTTPS, (True, True, True, 3600), strict=True))
    longer = settings_for(tmp_path, "SECURE_HSTS_SECONDS", DJANGO_HTTPS="1", DJANGO_HSTS_SECONDS="31536000")
    assert longer == {"SECURE_HSTS_SECONDS": 31_536_000}
    alone = settings_for(tmp_path, "SECURE_HSTS_SECONDS", DJANGO_HSTS_SECONDS="31536000")
    assert alone == {"SECURE_HSTS_SECONDS": 0}


def test_forwarded_proto_is_believed_only_behind_a_proxy(tmp_path: Path) -> None:
    """Anyone can send the header: it counts only with DJANGO_BEHIND_PROXY."""
    for environment, shown in (
        ({}, "200 None None\n"),
        ({"DJANGO_HTTPS": "1"}, "301 https://localhost/admin/login/ None\n"),
        ({"DJANGO_HTTPS": "1", "DJANGO_BEHIND_PROXY": "1"}, "200 None max-age=3600\n"),
    ):
        assert python(tmp_path, "-c", GET, environment=environment).stdout == shown


def test_an_error_of_a_page_is_on_standard_error(tmp_path: Path) -> None:
    """With its traceback, its level and its instant with the offset; without DEBUG, Django would only mail it."""
    # No tables: the page of the login writes nothing, its form asks for a user.
    code = GET.replace('client.get("/admin/login/"', 'client.post("/admin/login/", {"username": "a", "password": "b"}')
    done = python(tmp_path, "-c", code, environment={})
    assert done.stdout.startswith("500 ")
    first, *lines = done.stderr.splitlines()
    instant, level, _, name, *_ = first.split()
    assert (instant[10], instant[-5:-4] in "+-", level, name) == ("T", True, "ERROR", "django.request:")
    assert "no such table: auth_user" in lines[-1]


def test_missing_page_is_not_logged_again(tmp_path: Path) -> None:
    """The web server's log has it."""
    done = python(tmp_path, "-c", GET.replace("/admin/login/", "/none/"), environment={})
    assert (done.stdout, done.stderr) == ("404 None None\n", "")
