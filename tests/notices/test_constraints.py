"""What the database refuses about notices and opt-outs from every writer."""

from typing import Any

import pytest

from refunds.notices.models import Notice, OptOut

from ..factories import NOON, make_refund
from ..rows.test_constraints import refused

pytestmark = pytest.mark.django_db
SENT = {"status": "sent", "notified_of": "failed", "notified_at": NOON}
SUPPRESSED = {"status": "suppressed", "reason": "the customer has opted out"}


@pytest.mark.parametrize(
    "columns",
    [
        *({"status": "lost"}, {"status": "pending"}, {"status": "pending", "due_at": NOON, "reason": "why"}),
        *(
            {**SENT, "due_at": NOON},
            {**SENT, "notified_at": None},
            {**SENT, "notified_of": ""},
            {**SENT, "reason": "why"},
        ),
        *({**SUPPRESSED, "due_at": NOON}, {**SUPPRESSED, "reason": ""}),
    ],
)
def test_contradictory_notice_is_refused(columns: dict[str, Any]) -> None:
    """Pending has a due time, sent has an outcome and its time, suppressed has a reason."""
    refused("notice_status_complete", Notice, request=make_refund().request, **columns)


@pytest.mark.parametrize("columns", [{"status": "pending", "due_at": NOON}, SENT, SUPPRESSED])
def test_refund_has_one_notice(columns: dict[str, Any]) -> None:
    """It has one of whatever status."""
    refund = make_refund()
    Notice.objects.create(request=refund.request, **columns)
    refused("request_id|pkey", Notice, request=refund.request, **columns)


def test_opt_out_is_in_lower_case_and_once() -> None:
    """The same address in another case is not a second address."""
    OptOut.objects.create(address="c@example.com", created_at=NOON)
    refused("opt_out_lower_case", OptOut, address="C@example.com", created_at=NOON)
    refused("address", OptOut, address="c@example.com", created_at=NOON)
