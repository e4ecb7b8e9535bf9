"""What the environment makes of the default project where it is served for real."""

import re
from pathlib import Path

import pytest

from .production import documented, python, refunds, setting
from .running import SETUP

pytestmark = pytest.mark.processes

DEPLOY = ("check", "--deploy", "--fail-level", "WARNING")
HTTPS = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
YEAR = {"DJANGO_HSTS_SECONDS": "31536000"}
GET = f"""{SETUP}
from django.test import Client
client = Client(raise_request_exception=False, headers={{"host": "localhost"}})
answer = client.get("/admin/login/", headers={{"x-forwarded-proto": "https"}})
print(answer.status_code, answer.headers.get("Location"), answer.headers.get("Strict-Transport-Security"))
"""


def test_documented_environment_passes_djangos_deployment_check(tmp_path: Path) -> None:
    """With the variables of docs/operations.md Django's deployment check warns of nothing."""
    done = refunds(tmp_path, *DEPLOY, environment=documented())
    assert done.stdout == "System check identified no issues (2 silenced).\n"


@pytest.mark.parametrize(
    ("change", "warnings"),
    [
        ({"DJANGO_HTTPS": ""}, {"security.W004", "security.W008", "security.W012", "security.W016"}),
        (
            {"DJANGO_SECRET_KEY": "short", "DJANGO_SECRET_KEY_FALLBACKS": "short", "DJANGO_HSTS_SECONDS": "0"},
            {"security.W009", "security.W025", "security.W004"},
        ),
        (
            {"DJANGO_SECRET_KEY": "", "DJANGO_DEBUG": "1"}
            | {"REFUNDS_GATEWAY_RATE": "50/s", "REFUNDS_LIMITER_URL": "memory://"},
            {"refunds.W001", "security.W018", "refunds.W002"},
        ),
    ],
)
def test_check_warns_of_each_missing_variable(tmp_path: Path, change: dict[str, str], warnings: set[str]) -> None:
    """Without each documented variable that protects something, the check warns."""
    done = refunds(tmp_path, *DEPLOY, environment=documented() | change, check=False)
    assert done.returncode == 1
    assert set(re.findall(r"\((\w+\.W\d+)\)", done.stderr)) == warnings


@pytest.mark.parametrize(
    ("environment", "values"),
    [
        (YEAR, [False, False, False, 0]),
        ({"DJANGO_HTTPS": "1"}, [True, True, True, 3600]),
        (YEAR | {"DJANGO_HTTPS": "1"}, [True, True, True, 31_536_000]),
    ],
)
def test_https_is_all_or_nothing(tmp_path: Path, environment: dict[str, str], values: list[object]) -> None:
    """One variable switches cookies, redirect and an hour of HSTS; without it the project works over HTTP."""
    assert setting(tmp_path, f"[getattr(settings, name) for name in {HTTPS}]", **environment) == values


def test_forwarded_proto_is_believed_only_behind_a_proxy(tmp_path: Path) -> None:
    """Anyone can send the header: it counts only with DJANGO_BEHIND_PROXY."""
    for environment, shown in (
        ({}, "200 None None\n"),
        ({"DJANGO_HTTPS": "1"}, "301 https://localhost/admin/login/ None\n"),
        ({"DJANGO_HTTPS": "1", "DJANGO_BEHIND_PROXY": "1"}, "200 None max-age=3600\n"),
    ):
        assert python(tmp_path, "-c", GET, environment=environment).stdout == shown


def test_error_of_a_page_is_on_standard_error(tmp_path: Path) -> None:
    """With its traceback, its level and its instant with the offset; without DEBUG, Django would only mail it."""
    # No tables: the page of the login writes nothing, its form asks for a user.
    code = GET.replace('client.get("/admin/login/"', 'client.post("/admin/login/", {"username": "a", "password": "b"}')
    done = python(tmp_path, "-c", code)
    assert done.stdout.startswith("500 ")
    first, *lines = done.stderr.splitlines()
    instant, level, _, name, *_ = first.split()
    assert (instant[10], instant[-5:-4] in "+-", level, name) == ("T", True, "ERROR", "django.request:")
    assert "no such table: auth_user" in lines[-1]


def test_missing_page_is_not_logged_again(tmp_path: Path) -> None:
    """The web server's log has it."""
    done = python(tmp_path, "-c", GET.replace("/admin/login/", "/none/"))
    assert (done.stdout, done.stderr) == ("404 None None\n", "")
