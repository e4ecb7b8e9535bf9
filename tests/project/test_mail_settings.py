"""The mail server that the environment names is the one that mails go to, whichever Django spells the settings."""

import socketserver
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from .production import python, refunds
from .running import LONG, SETUP

SMTP = {"DJANGO_EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "DJANGO_EMAIL_HOST": "127.0.0.1"}
ASK = """
from django.core import mail
server = mail.mailers['default'] if django.VERSION >= (6, 1) else mail.get_connection()
print(server.host, server.port, server.username, server.password, server.use_tls, server.timeout)
"""


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
    """Yield the port of a mail server on this machine, and the mails that it received."""
    mails: list[str] = []
    with socketserver.TCPServer(("127.0.0.1", 0), Smtp) as listening:
        listening.mails = mails  # type: ignore[attr-defined]
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening.server_address[1], mails
        listening.shutdown()
        thread.join(LONG)


def test_mails_go_to_the_server_that_the_environment_names(tmp_path: Path, server: tuple[int, list[str]]) -> None:
    """Host, port and sender, by SMTP."""
    port, mails = server
    environment = SMTP | {"DJANGO_EMAIL_PORT": str(port), "DJANGO_FROM_EMAIL": "returns@example.com"}
    refunds(tmp_path, "sendtestemail", "c@example.com", environment=environment)
    (mail,) = mails
    assert "From: returns@example.com" in mail
    assert "To: c@example.com" in mail


def test_mails_are_printed_where_nothing_is_named(tmp_path: Path) -> None:
    """The console, for a first look."""
    assert "To: c@example.com" in refunds(tmp_path, "sendtestemail", "c@example.com").stdout


def test_smtp_backend_has_what_it_needs(tmp_path: Path) -> None:
    """User, password, TLS and a timeout arrive at it."""
    user = {"DJANGO_EMAIL_HOST_USER": "shop", "DJANGO_EMAIL_HOST_PASSWORD": "secret", "DJANGO_EMAIL_USE_TLS": "1"}
    done = python(tmp_path, "-c", SETUP + ASK, environment=SMTP | user | {"DJANGO_EMAIL_PORT": "587"})
    assert done.stdout == "127.0.0.1 587 shop secret True 10\n"
