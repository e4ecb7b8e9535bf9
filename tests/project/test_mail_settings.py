"""The mail server that the environment names is the one that mails go to, whichever Django spells the settings."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .production import python, refunds
from .running import LONG, SETUP

SMTP = {"DJANGO_EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "DJANGO_EMAIL_HOST": "127.0.0.1"}
ASK = """
from django.core import mail
server = mail.mailers['default'] if django.VERSION >= (6, 1) else mail.get_connection()
print(server.host, server.port, server.username, server.password, server.use_tls, server.timeout)
"""


def receive(listener: socket.socket) -> str:
    """Return the mail that a client sends by SMTP (RFC 5321): agree to everything that it says."""
    (connection, _), mail = listener.accept(), b""
    with connection, connection.makefile("rwb", buffering=0) as stream:
        stream.write(b"220 mail.example.com\r\n")
        for line in iter(lambda: stream.readline().lower(), b"quit\r\n"):
            if line == b"data\r\n":
                stream.write(b"354 go ahead\r\n")
                mail = b"".join(iter(stream.readline, b".\r\n"))
            stream.write(b"250 fine\r\n")
        stream.write(b"221 bye\r\n")
    return mail.decode()


def test_mails_go_to_the_server_that_the_environment_names(tmp_path: Path) -> None:
    """Host, port and sender, by SMTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        listener.settimeout(LONG)
        received = pool.submit(receive, listener)
        port = {"DJANGO_EMAIL_PORT": str(listener.getsockname()[1]), "DJANGO_FROM_EMAIL": "returns@example.com"}
        refunds(tmp_path, "sendtestemail", "c@example.com", environment=SMTP | port)
    mail = received.result()
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
