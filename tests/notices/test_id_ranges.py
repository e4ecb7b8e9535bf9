"""One message for many notices: each mail is sent as if it had its own message, and none delays another."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.core import mail
from django.db import OperationalError

from refunds import outbox
from refunds.domain.sweeps import IdRange
from refunds.gateways.wallet import Wallet
from refunds.models import Refund
from refunds.notices import sending
from refunds.notices.models import Notice
from refunds.notices.sending import LONGEST_RUN, notify_customers
from refunds.operations import bulk_payments

from ..factories import NOON, SECOND, make_refund
from .mail_server import During, MailServer, refusal
from .mails import ADDRESS, SUCCEEDED, SUCCESS, notice_of, subjects

pytestmark = pytest.mark.django_db
SENT, PENDING = (SUCCEEDED, NOON, None), ("", None, NOON)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """Return the messages that would be sent, without a broker."""
    found: list[dict[str, int]] = []
    monkeypatch.setattr(outbox, "on_commit", lambda _name, kwargs, **_: found.extend(kwargs))
    return found


def paid(count: int) -> list[Refund]:
    """Refunds that the wallet has just paid, of customers with addresses."""
    rows = [make_refund(customer_email=ADDRESS) for _ in range(count)]
    bulk_payments.pay_refunds(id_range(rows), NOON, gateway=Wallet())
    return rows


def id_range(rows: list[Refund]) -> IdRange:
    """All ids from the first to the last."""
    return IdRange(rows[0].pk, rows[-1].pk)


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2])])
def test_message_is_for_a_lot_of_refunds(
    sent: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch, count: int, sizes: list[int]
) -> None:
    """It names the first and the last refund of the lot; a lot of one has no last."""
    monkeypatch.setattr(sending, "NOTICES_PER_MESSAGE", 2)
    ids = [row.pk for row in paid(count)]
    lots = [[ids.pop(0) for _ in range(size)] for size in sizes]
    assert sent == [{"refund_id": lot[0], **({"last_id": lot[-1]} if len(lot) > 1 else {})} for lot in lots]


def test_each_mail_is_sent_once() -> None:
    """However often the message comes, it sends nothing that is not due or is outside of the range."""
    before, *rows, after = paid(5)
    Notice.objects.filter(pk=rows[1].pk).update(due_at=NOON + SECOND)
    assert [notify_customers(id_range(rows), lambda: NOON) for _ in range(2)] == [2, 0]
    not_due = ("", None, NOON + SECOND)
    assert [notice_of(row) for row in (before, *rows, after)] == [PENDING, SENT, not_due, SENT, PENDING]
    assert subjects() == [SUCCESS] * 2


def test_refused_address_delays_no_other_mail(mail_server: MailServer) -> None:
    """The server refuses a mail for good or for now, or is away for one: the others are sent."""
    rows = paid(4)
    mail_server.answers = [refusal(550), refusal(450), TimeoutError("silent")]
    assert notify_customers(id_range(rows), lambda: NOON) == 1
    assert [notice_of(row) for row in rows] == [("", None, None), PENDING, PENDING, SENT]


def test_mail_that_fails_by_a_bug_gets_its_own_message(
    sent: list[dict[str, int]], mail_server: MailServer, log: pytest.LogCaptureFixture
) -> None:
    """The others are sent, and the task of that message fails and is reported."""
    rows = paid(3)
    sent.clear()
    mail_server.answers = [ZeroDivisionError()]
    assert notify_customers(id_range(rows), lambda: NOON) == 2
    assert log.messages == [f"return request {rows[0].pk}: the notice gets a message of its own"]
    assert ([notice_of(row) for row in rows], sent) == ([PENDING, SENT, SENT], [{"refund_id": rows[0].pk}])


def test_database_error_is_left_to_the_retry_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other mail is tried."""
    rows = paid(2)
    monkeypatch.setattr(sending, "notify_customer", away := Mock(side_effect=OperationalError("away")))
    with pytest.raises(OperationalError, match="away"):
        notify_customers(id_range(rows), lambda: NOON)
    assert [call.args[0] for call in away.call_args_list] == [rows[0].pk]


@pytest.mark.parametrize("trouble", [None, ZeroDivisionError("as a time limit is")])
def test_rest_gets_another_message_after_a_while(
    sent: list[dict[str, int]], mail_server: MailServer, trouble: Exception | None
) -> None:
    """A slow server does not bring the task to its time limit during a mail."""
    rows = paid(4)
    sent.clear()
    now = [NOON]

    def slow() -> None:
        now[0] += LONGEST_RUN / 2
        if trouble and now[0] == NOON + LONGEST_RUN:
            raise trouble

    mail_server.answers = [During(slow), During(slow)]
    assert notify_customers(id_range(rows), lambda: now[0]) == (1 if trouble else 2)
    own: list[dict[str, Any]] = [{"refund_id": rows[1].pk}] if trouble else []
    assert sent == [*own, {"refund_id": rows[2].pk, "last_id": rows[3].pk}]
    assert len(mail.outbox) == (1 if trouble else 2)
