"""The admin's files from the web process, by names that change with their content."""

from pathlib import Path

import pytest

from .production import python, refunds
from .running import SETUP

GET = f"""{SETUP}
from django.templatetags.static import static
from django.test import Client
url = static("refunds/admin.css")
answer = Client(headers={{"host": "localhost"}}).get(url)
print(url, answer.status_code, answer.headers.get("Cache-Control"))
"""


def test_collected_files_are_served_for_ever(tmp_path: Path) -> None:
    """`collectstatic` fills the folder, and the project serves it by hashed names that a browser may keep."""
    pytest.importorskip("whitenoise", reason="refunds[web] is not installed")
    environment = {"DJANGO_STATIC_ROOT": str(tmp_path / "static")}
    done = refunds(tmp_path, "collectstatic", "--no-input", environment=environment)
    assert "static files copied" in done.stdout
    url, status, cached = python(tmp_path, "-c", GET, environment=environment).stdout.split(" ", 2)
    assert url.startswith("/static/refunds/admin.")
    assert len(url.split(".")[1]) == len("0123456789ab")
    assert (status, cached) == ("200", "max-age=315360000, public, immutable\n")


def test_without_a_folder_nothing_is_served(tmp_path: Path) -> None:
    """The development server serves them itself, and needs no package."""
    assert python(tmp_path, "-c", GET).stdout == "/static/refunds/admin.css 404 None\n"
