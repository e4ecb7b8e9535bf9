"""The evening digest: when it comes, and what it says."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail

from refunds.apps import LABEL
from refunds.domain import cutoff
from refunds.notices import settings as notices
from refunds.notices.digest import send_digest

from ..conftest import ADMIN
from ..day.conftest import Schedule, Start
from ..factories import DAY, NOON, make_failed, make_processing, make_refund, make_requests

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("admin")]


def test_digest_is_off_unless_it_is_switched_on(
    start: Start, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched on, it comes once a day at sunset: 50° north and 30° east, at about 18:04 UTC in mid-July."""
    assert notices.BEAT_SCHEDULE == {}
    monkeypatch.setattr(notices, "PLACE", (50.45, 30.52))
    pytest.importorskip("ephem", reason="Celery computes the sunset with it")
    schedule({"evening-digest": notices.evening_digest()})
    celery = start(NOON)
    celery.advance(DAY)
    (digest,) = celery.timeline.of("succeeded", f"{LABEL}.send_digest")
    sunset = datetime.combine(digest.at, time(18, 4), UTC)
    assert abs(digest.at - sunset) < timedelta(minutes=6)
    (letter,) = mail.outbox
    assert letter.to == [ADMIN]


def test_digest_counts_the_rows_of_the_day() -> None:
    """It says what waits and until when, what is to be paid, what is under way and what failed."""
    send_digest(NOON)
    assert mail.outbox.pop().body.startswith("nothing waiting\n")
    make_requests(2)
    make_requests(1, amount_minor=300, currency="EUR")
    make_refund()
    make_processing()
    make_failed(3)
    send_digest(NOON)
    (letter,) = mail.outbox
    assert letter.subject.endswith("Returns: 3 pending")
    declined_at = cutoff.upcoming(NOON).astimezone(cutoff.ZONE)
    assert letter.body == (
        "1 waiting, 3.00 EUR\n2 waiting, 25.00 GBP\n"
        f"declined at {declined_at:%d %B %H:%M} unless approved before\n"
        "1 refunds to be paid, 1 under way at the payment provider, 3 failed"
    )
