"""An approval that was undone after its cutoff is declined late: its customer gets the mail about the decline."""

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from refunds.brakes import undoing
from refunds.domain.returns import CUTOFF_CODE
from refunds.management.audit import run_audit
from refunds.models import ReturnRequest
from refunds.notices.models import Notice
from refunds.operations import health

from ...day.conftest import Start, press
from ...factories import CUTOFF, HOUR, MINUTE, PRESSED, make_requests
from ...notices.mails import ADDRESS, subjects

pytestmark = pytest.mark.django_db(transaction=True)
DECLINED = "Your return of 12.50 GBP is declined"


@pytest.mark.parametrize("late", [False, True])
def test_customer_of_an_undone_approval_gets_the_mail_of_the_cutoff(
    start: Start, settings: Settings, late: bool
) -> None:
    """One mail, whether the undo came before the cutoff or after it."""
    settings.REFUNDS_HOLD, settings.REFUNDS_DECLINE_TEXTS = 300, {CUTOFF_CODE: "It was not approved in time."}
    rows = make_requests(2, customer_email=ADDRESS)
    celery = start(PRESSED)
    sweep = press(celery)
    celery.run_until(CUTOFF + MINUTE * late - MINUTE / 2)
    boss = User.objects.create_user("boss")
    undoing.undo(sweep.pk, by=boss, reason="wrong file", now=celery.now)
    celery.run_until(CUTOFF + HOUR)
    codes = ReturnRequest.objects.order_by("pk").values_list("status", "decision_code")
    assert list(codes) == [("declined", CUTOFF_CODE)] * 2
    assert subjects() == [DECLINED] * 2
    assert list(Notice.objects.order_by("pk").values_list("pk", "status", "notified_of")) == [
        (row.pk, "sent", "declined") for row in rows
    ]
    assert (run_audit().problems, health.health(celery.now)) == ([], [])
