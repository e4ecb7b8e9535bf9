"""The mail server that the environment names is the one that mails go to, whichever Django spells the settings."""

import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from .production import python
from .running import LONG, ROOT


class Smtp(socketserver.StreamRequestHandler):
    """The part of SMTP (RFC 5321) that receives a mail."""

    def handle(self) -> None:
        """Greet, agree to everything, and keep the mail."""
        self.say("220 mail.example.com")
        for line in iter(self.rfile.readline, b""):
            if line.upper().startswith(b"DATA"):
                self.say("354 go ahead")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(body.decode())  # type: ignore[attr-defined]  # of the fixture's server
            self.say("221 bye" if line.upper().startswith(b"QUIT") else "250 fine")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def server() -> Generator[tuple[int, list[str]]]:
    """A mail server on a free port of this machine, and the mails that it received."""
    mails: list[str] = []
    with socketserver.TCPServer(("127.0.0.1", 0), Smtp) as listening:
        listening.mails = mails  # type: ignore[attr-defined]
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening.server_address[1], mails
        listening.shutdown()
        thread.join(LONG)


def run(directory: Path, *arguments: str, **environment: str) -> str:
    """What Django says of the arguments, with nothing but these settings."""
    done = subprocess.run(
        [sys.executable, "-m", "refunds", *arguments],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
        | {"PYTHONPATH": str(ROOT), "CELERY_BROKER_URL": "memory://", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=LONG,
    )
    return done.stdout


def test_mails_go_to_the_server_that_the_environment_names(tmp_path: Path, server: tuple[int, list[str]]) -> None:
    """Host, port and sender, by SMTP."""
    port, mails = server
    run(
        tmp_path,
        *("sendtestemail", "c@example.com"),
        DJANGO_EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        DJANGO_EMAIL_HOST="127.0.0.1",
        DJANGO_EMAIL_PORT=str(port),
        DJANGO_FROM_EMAIL="returns@example.com",
    )
    (mail,) = mails
    assert "From: returns@example.com" in mail
    assert "To: c@example.com" in mail


def test_mails_are_printed_where_nothing_is_named(tmp_path: Path) -> None:
    """The console, for a first look."""
    assert "To: c@example.com" in run(tmp_path, "sendtestemail", "c@example.com")


def test_the_smtp_backend_has_what_it_needs(tmp_path: Path) -> None:
    """User, password, TLS and a timeout arrive at it."""
    code = (
        "import refunds.project.app, django; django.setup(); from django.core import mail; "
        "server = mail.mailers['default'] if django.VERSION >= (6, 1) else mail.get_connection(); "
        "print(server.host, server.port, server.username, server.password, server.use_tls, server.timeout)"
    )
    environment = {
        "DJANGO_EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "DJANGO_EMAIL_HOST": "mail.example.com",
        "DJANGO_EMAIL_PORT": "587",
        "DJANGO_EMAIL_HOST_USER": "shop",
        "DJANGO_EMAIL_HOST_PASSWORD": "secret",
        "DJANGO_EMAIL_USE_TLS": "1",
    }
    shown = python(tmp_path, "-c", code, environment=environment).stdout
    assert shown == "mail.example.com 587 shop secret True 10\n"
