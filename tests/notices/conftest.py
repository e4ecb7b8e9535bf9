"""What the tests of mails share: a customer, a mail server, and messages without a broker."""

import pytest

from refunds import outbox
from refunds.models import Refund

from ..factories import make_refund
from ..mails import ADDRESS, MailServer


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """The mail server."""
    return MailServer(monkeypatch)


@pytest.fixture
def owed() -> Refund:
    """A pending refund, due at noon, of a customer with an address."""
    return make_refund(customer_email=ADDRESS)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The refunds that a message about their customer would go out for, without a broker."""
    ids: list[int] = []

    def on_commit(name: str, kwargs: list[dict[str, int]], **_: object) -> None:
        if name == outbox.NOTIFY_CUSTOMER:
            ids.extend(message["refund_id"] for message in kwargs)

    monkeypatch.setattr(outbox, "on_commit", on_commit)
    return ids
