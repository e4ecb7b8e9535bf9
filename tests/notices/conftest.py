"""Fixtures of the notices: a refund, a mail server, messages without a broker, and the core's cluster."""

import logging

import pytest
from django.db import connection

from refunds import outbox
from refunds.models import Refund
from refunds.notices import sending

from ..day.conftest import schedule, start
from ..factories import make_refund
from .mail_server import MailServer
from .mails import ADDRESS

__all__ = ["schedule", "start"]
# Not skipped but left out: SQLite in memory has one connection.
collect_ignore = [] if connection.vendor == "postgresql" else ["test_declined_at_once.py"]


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """Return the mail server."""
    return MailServer(monkeypatch)


@pytest.fixture
def refund() -> Refund:
    """Return a pending refund, due at noon, of a customer with an address."""
    return make_refund(customer_email=ADDRESS)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the first refund of each message about notices that would be sent, without a broker."""
    ids: list[int] = []

    def on_commit(name: str, kwargs: list[dict[str, int]], **_: object) -> None:
        ids.extend(message["refund_id"] for message in kwargs if name == sending.NOTIFY_CUSTOMER)

    monkeypatch.setattr(outbox, "on_commit", on_commit)
    return ids


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Return the log, which has the sender's warnings."""
    caplog.set_level(logging.WARNING, logger=sending.__name__)
    return caplog
