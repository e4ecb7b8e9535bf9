"""Customers who are told by one message for many: each as by a message of its own, and none held up by another."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError

from refunds import outbox
from refunds.domain.refunds import RefundStatus
from refunds.domain.sweeps import IdRange
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.notices import sending
from refunds.notices.sending import SPELL, notify_customers
from refunds.operations import bulk_payments

from ..factories import NOON, make_refund
from ..mails import ADDRESS, SUCCESS, MailServer, Meanwhile, subjects, told

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
TOLD, OWED = (RefundStatus.SUCCEEDED, NOON, None), ("", None, NOON)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """The messages about customers that would go out, without a broker."""
    found: list[dict[str, int]] = []

    def on_commit(name: str, kwargs: list[dict[str, int]], **_: object) -> None:
        assert name == outbox.NOTIFY_CUSTOMER
        found.extend(kwargs)

    monkeypatch.setattr(outbox, "on_commit", on_commit)
    return found


def paid(count: int) -> list[Refund]:
    """Refunds that the wallet has just paid, of customers with addresses."""
    rows = [make_refund(customer_email=ADDRESS) for _ in range(count)]
    bulk_payments.pay_refunds(id_range(rows), NOON, gateway=Wallet())
    return rows


def id_range(rows: list[Refund]) -> IdRange:
    """All ids from the first to the last."""
    return IdRange(rows[0].pk, rows[-1].pk)


def at(*instants: datetime) -> Callable[[], datetime]:
    """A clock that shows these one after the other, and then stays."""
    left = list(instants)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2])])
def test_a_message_is_for_so_many_customers(
    sent: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch, count: int, sizes: list[int]
) -> None:
    """The first and the last refund of each lot are named; a lot of one has no last."""
    monkeypatch.setattr(sending, "LOT", 2)
    ids = [row.pk for row in paid(count)]
    lots = [[ids.pop(0) for _ in range(size)] for size in sizes]
    assert sent == [
        {"refund_id": lot[0], "last_id": lot[-1]} if len(lot) > 1 else {"refund_id": lot[0]} for lot in lots
    ]


def test_each_customer_is_told_once(sent: list[dict[str, int]]) -> None:
    """However often the message comes; who is not owed a mail yet, or is outside, is left alone."""
    before, *rows, after = paid(5)
    Refund.objects.filter(pk=rows[1].pk).update(notify_at=NOON + SECOND)
    assert [notify_customers(id_range(rows), at(NOON)) for _ in range(2)] == [2, 0]
    assert [told(row) for row in (before, *rows, after)] == [OWED, TOLD, ("", None, NOON + SECOND), TOLD, OWED]
    assert subjects() == [SUCCESS] * 2


def test_an_address_that_is_refused_holds_up_nobody(sent: list[dict[str, int]], mail_server: MailServer) -> None:
    """For good or for now, or a server that is away for one of them: the others are told."""
    rows = paid(4)
    refused = [SMTPRecipientsRefused({ADDRESS: (code, b"no")}) for code in (550, 450)]
    mail_server.answers = [*refused, TimeoutError("silent")]
    assert notify_customers(id_range(rows), at(NOON)) == 1
    assert [told(row) for row in rows] == [("", None, None), OWED, OWED, TOLD]


def test_a_bug_has_a_message_of_its_own(
    sent: list[dict[str, int]], mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are told, and the task of that message fails and is reported."""
    rows = paid(3)
    sent.clear()
    mail_server.answers = [ZeroDivisionError()]
    with caplog.at_level(logging.ERROR, logger="refunds"):
        assert notify_customers(id_range(rows), at(NOON)) == 2
    assert caplog.messages == [f"refund {rows[0].pk}: the mail is left to a message of its own"]
    assert ([told(row) for row in rows], sent) == ([OWED, TOLD, TOLD], [{"refund_id": rows[0].pk}])


def test_trouble_with_the_database_is_the_tasks_to_retry(
    sent: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other customer is asked for."""
    rows = paid(2)
    asked: list[int] = []

    def away(refund_id: int, _: datetime) -> bool:
        asked.append(refund_id)
        raise OperationalError("away")

    monkeypatch.setattr(sending, "notify_customer", away)
    with pytest.raises(OperationalError, match="away"):
        notify_customers(id_range(rows), at(NOON))
    assert asked == [rows[0].pk]


@pytest.mark.parametrize("trouble", [None, ZeroDivisionError("as a time limit is")])
def test_what_is_left_after_a_while_has_another_message(
    sent: list[dict[str, int]], mail_server: MailServer, trouble: Exception | None
) -> None:
    """A slow server brings no task to its time limit, which would leave a mail in doubt."""
    rows = paid(4)
    sent.clear()
    now = [NOON]

    def slow() -> None:
        now[0] += SPELL / 2
        if trouble and now[0] == NOON + SPELL:
            raise trouble

    mail_server.answers = [Meanwhile(slow), Meanwhile(slow)]
    assert notify_customers(id_range(rows), lambda: now[0]) == (1 if trouble else 2)
    own: list[dict[str, Any]] = [{"refund_id": rows[1].pk}] if trouble else []
    assert sent == [*own, {"refund_id": rows[2].pk, "last_id": rows[3].pk}]
    assert len(mail.outbox) == (1 if trouble else 2)
