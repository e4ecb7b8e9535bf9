"""Mails about declined requests: which have one, what it says, and that a customer gets it once."""

from datetime import datetime
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils.translation import gettext_lazy, override
from pytest_django import Settings

from refunds.domain.returns import CUTOFF_CODE, Decision
from refunds.frozen import freeze
from refunds.gateways.wallet import Wallet
from refunds.models import ReturnRequest
from refunds.notices import opt_outs
from refunds.notices.models import Notice, NoticeStatus
from refunds.notices.resend import LATE
from refunds.notices.sending import LEASE, NOTIFY_CUSTOMER, WITHIN, notify_customer
from refunds.operations import button, health, local, reconcile, sweeps
from refunds.operations.decisions import decide_chosen

from ..day.conftest import Start
from ..factories import CUTOFF, MINUTE, NOON, PRESSED, SECOND, make_requests, never_read_tables
from ..rows.plans import explained
from .mail_server import During, MailServer, refusal
from .mails import ADDRESS, subjects

pytestmark = pytest.mark.django_db
DECLINED = "Your return of 12.50 GBP is declined"
PASSED, WORN, SENTENCE = "It was not approved in time.", "The item was used.", "The left shoe is missing."
# PostgreSQL forgets kept plans first.
MORE = int(connection.vendor == "postgresql")


@pytest.fixture(autouse=True)
def texts(settings: Settings) -> None:
    """Give the decline at the cutoff and one code of users a text."""
    settings.REFUNDS_DECLINE_TEXTS = {CUTOFF_CODE: PASSED, "used": WORN}


def requests(count: int = 1, address: str = ADDRESS) -> list[int]:
    """The ids of new pending requests."""
    return [row.pk for row in make_requests(count, customer_email=address)]


def decline(ids: list[int], code: str = "other", sentence: str = "", now: datetime = NOON) -> int:
    """Decline these by hand."""
    asked = {"sentence": sentence}
    return decide_chosen(ids, Decision.DECLINE, by=None, note="internal", code=code, asked=asked, now=now)


def at_the_cutoff() -> None:
    """Decline what is pending, as beat and the workers do."""
    sweep, _ = sweeps.decline_pending(CUTOFF)
    sweeps.plan_sweep(sweep.pk, CUTOFF)
    for chunk in sweep.chunks.all():
        sweeps.decide_chunk(chunk.pk, CUTOFF)


def noted() -> list[tuple[object, ...]]:
    """The notices in the order of their ids."""
    return list(Notice.objects.order_by("pk").values_list("pk", "status", "due_at", "notified_of", "sentence"))


def test_lazy_text_is_in_the_language_of_the_mail(settings: Settings) -> None:
    """Whatever the language of the operator's browser, or of a worker."""
    settings.REFUNDS_DECLINE_TEXTS = {"used": gettext_lazy("worn or used")}
    (pk,) = requests()
    with override("uk"):
        decline([pk], code="used")
    assert Notice.objects.get().sentence == "worn or used"


@pytest.mark.parametrize(
    ("code", "sentence", "mailed"),
    [("other", SENTENCE, SENTENCE), ("used", SENTENCE, SENTENCE), ("used", "", WORN), ("other", "", "")],
)
def test_sentence_is_mailed_or_else_the_text_of_the_code(
    messages: list[int], code: str, sentence: str, mailed: str
) -> None:
    """Without either the customer gets no mail, and nothing is written or sent."""
    (pk,) = requests()
    assert decline([pk], code, sentence) == 1
    assert noted() == ([(pk, "pending", NOON, "", mailed)] if mailed else [])
    assert messages == ([pk] if mailed else [])
    assert [notify_customer(pk, NOON + SECOND) for _ in range(2)] == [bool(mailed), False]
    assert subjects() == ([DECLINED] if mailed else [])
    if mailed:
        assert noted() == [(pk, "sent", None, "declined", mailed)]
        assert mailed in str(mail.outbox[0].body)
        assert "internal" not in str(mail.outbox[0].body)


@pytest.mark.parametrize("told", [False, True])
def test_decline_at_the_cutoff_mails_the_text_of_the_setting(
    settings: Settings, messages: list[int], told: bool
) -> None:
    """Without a text for it no customer gets a mail: an upgrade begins no mails that nobody asked for."""
    if not told:
        settings.REFUNDS_DECLINE_TEXTS = {"used": WORN}
    ids = requests(3)
    at_the_cutoff()
    assert ReturnRequest.objects.filter(status="declined", decision_code=CUTOFF_CODE).count() == 3
    assert noted() == [(pk, "pending", CUTOFF, "", PASSED) for pk in ids if told]
    assert messages == ids[:told]


def test_customer_without_an_address_or_with_an_opt_out_has_no_notice(messages: list[int]) -> None:
    """An opt-out after the decline suppresses the notice, and so does an address to which no mail can be written."""
    opt_outs.opt_out("out@example.com", NOON)
    out, none, bad, later = (requests(1, to)[0] for to in ("Out@Example.com", "", "a@b..example", ADDRESS))
    decline([out, none, bad, later], sentence=SENTENCE)
    opt_outs.opt_out(ADDRESS.upper(), NOON)
    assert [notify_customer(pk, NOON) for pk in (out, none, bad, later)] == [False] * 4
    assert [(pk, status) for pk, status, *_ in noted()] == [(bad, "suppressed"), (later, "suppressed")]
    reasons = Notice.objects.order_by("pk").values_list("reason", flat=True)
    assert [reason.partition(" ")[2][:10] for reason in reasons] == ["address 'a", "customer h"]
    assert mail.outbox == []


def test_only_what_this_decline_decided_gets_its_sentence() -> None:
    """Neither a row that was declined before, at the same instant, nor one that is approved."""
    first, second, approved = requests(3)
    decline([first], code="used")
    decide_chosen([approved], Decision.APPROVE, by=None, note="", now=NOON)
    assert decline([first, second, approved], sentence=SENTENCE) == 1
    assert [(pk, sentence) for pk, *_, sentence in noted()] == [(first, WORN), (second, SENTENCE)]


@pytest.mark.parametrize("count", [1, 40])
def test_notices_of_a_decline_are_inserted_by_one_statement(
    django_assert_max_num_queries: Any, messages: list[int], count: int
) -> None:
    """They are written in the transaction of the decision: a rollback leaves none. No text, no statement."""
    ids = requests(2 * count)
    with transaction.atomic():
        with django_assert_max_num_queries(4 + MORE):  # two savepoints, the decision and the notices
            decline(ids[:count], sentence=SENTENCE)
        with django_assert_max_num_queries(3):
            decline(ids[count:])
        assert Notice.objects.count() == count
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_statement_reads_no_whole_table(messages: list[int]) -> None:
    """The notices of a chunk are found among its ids, and opt-outs by their index."""
    requests(3)
    opt_outs.opt_out("out@example.com", NOON)
    never_read_tables()
    with explained() as plans:
        at_the_cutoff()
    (plan,) = [plan for plan in plans if plan.statement.startswith("INSERT") and "notice" in plan.statement]
    assert "Seq Scan" not in plan.text
    assert "SCAN refunds" not in plan.text


def test_request_that_is_unknown_fails_and_one_without_a_notice_has_no_mail(messages: list[int]) -> None:
    """A message about a request that was declined without a text sends nothing."""
    (pk,) = requests()
    decline([pk])
    assert not notify_customer(pk, NOON)
    assert (noted(), mail.outbox, messages) == ([], [], [])


def test_mail_that_the_server_does_not_take_is_tried_again_for_a_day(
    mail_server: MailServer, messages: list[int]
) -> None:
    """An address that is refused for good is not tried again. A day after the decline, no mail is sent."""
    first, refused, last = ids = requests(3)
    decline(ids, sentence=SENTENCE)
    mail_server.answers = [refusal(450), refusal(550)]
    assert [notify_customer(pk, NOON) for pk in (first, refused)] == [False, False]
    assert [notify_customer(pk, NOON + WITHIN - SECOND) for pk in (first, refused)] == [True, False]
    assert not notify_customer(last, NOON + WITHIN)
    assert [status for _, status, *_ in noted()] == ["sent", "suppressed", "suppressed"]
    reasons = list(Notice.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons[2] == f"it was due at {NOON} and could not be sent for a day"
    assert subjects() == [DECLINED]


def test_health_and_the_reconciler_find_a_late_notice(messages: list[int]) -> None:
    """The reconciler sends its message again each minute, and `health` names it after a quarter of an hour."""
    (pk,) = requests()
    decline([pk], sentence=SENTENCE)
    resent = [reconcile.reconcile(NOON + n * MINUTE, gateway=Wallet())["notices"] for n in (0, 1, 2)]
    assert (resent, messages) == ([0, 1, 1], [pk] * 3)
    (line,) = [line for line in health.health(NOON + LATE) if line.startswith("notices")]
    assert f"the oldest (return request {pk}) due since {local(NOON)};" in line


@pytest.mark.django_db(transaction=True)
def test_customers_get_one_mail_each_whatever_breaks(start: Start, mail_server: MailServer) -> None:
    """At the cutoff two beats run and all messages are lost; then a worker is killed, and each message comes twice."""
    ids = requests(5)
    celery = start(PRESSED, beats=2, workers=2)
    celery.run_until(CUTOFF - SECOND)
    mail_server.down = True
    celery.run_until(CUTOFF + SECOND)
    celery.lose_broker()
    mail_server.down = False
    mail_server.answers = [During(celery.kill_worker)]
    celery.run_until(CUTOFF + LATE)
    for record in celery.timeline.of("sent", NOTIFY_CUSTOMER):
        celery.deliver_twice(record.id)
    celery.run_until(CUTOFF + 2 * LATE)
    assert subjects() == [DECLINED] * 5
    assert [(pk, status, sentence) for pk, status, _, _, sentence in noted()] == [(pk, "sent", PASSED) for pk in ids]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("taken", [False, True])
def test_mail_of_a_killed_worker_is_sent_again_as_the_same_mail(
    start: Start, settings: Settings, mail_server: MailServer, taken: bool
) -> None:
    """Killed before the server took it: one mail. Killed after: a second one with the same id and the same text.

    The setting has another text by then.
    """
    celery = start(NOON, workers=2)
    (pk,) = requests()
    mail_server.answers = [During(celery.kill_worker, taken=taken)]
    decline([pk], code="used", now=celery.now)
    celery.advance(SECOND)
    settings.REFUNDS_DECLINE_TEXTS = {"used": "another"}
    celery.advance(LEASE + 5 * MINUTE)
    assert subjects() == [DECLINED] * (1 + taken)
    assert len({(letter.message()["Message-ID"], letter.body) for letter in mail.outbox}) == 1
    assert Notice.objects.get().status == NoticeStatus.SENT


def test_approval_by_the_button_has_no_notice_before_its_refund_is_settled(messages: list[int]) -> None:
    """The texts are of declines alone."""
    requests(2)
    sweep, _ = button.start_approve(key="k", frozen=freeze(), by=None, now=PRESSED)
    sweeps.plan_sweep(sweep.pk, PRESSED)
    for chunk in sweep.chunks.all():
        sweeps.decide_chunk(chunk.pk, PRESSED)
    assert (noted(), messages) == ([], [])
