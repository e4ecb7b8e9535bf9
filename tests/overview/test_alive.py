"""Whether beat and the worker run, from the rows that the real beat and the real worker write in virtual time."""

from unittest.mock import Mock

import pytest
from celery_rehearsal import VirtualCelery
from django.contrib.auth.models import User
from django.core.cache import cache

from refunds import outbox, tasks
from refunds.domain import cutoff
from refunds.errors import ClocksDiffer
from refunds.overview import banner
from refunds.overview.models import ReconcilerRun

from ..admin.conftest import make_user
from ..day.conftest import Start, schedule, start
from ..factories import MINUTE, NOON, SECOND, local

__all__ = ["schedule", "start"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader() -> User:
    """Return a user who views no rows: only the lines about the time are left."""
    return make_user()


def alive(reader: User, celery: VirtualCelery) -> list[str]:
    """Return the banner's lines about beat and the worker."""
    cache.clear()
    return [text for _, text, _ in banner.lines(user=reader, now=celery.now)[1:]]


def last(celery: VirtualCelery, what: str) -> str:
    """Return when the reconciler's message was last `sent` or `started`, as the banner shows it."""
    return f"{local(celery.timeline.of(what, outbox.RECONCILE)[-1].at)} ({cutoff.CITY})"


def test_banner_names_which_of_the_two_is_down(start: Start, reader: User) -> None:
    """Beat alone, then the worker alone; each for two minutes, and no longer than it is down."""
    celery = start(NOON)
    celery.advance(10 * MINUTE)
    assert alive(reader, celery) == []
    celery.stop_beat()
    celery.advance(1.5 * MINUTE)
    assert alive(reader, celery) == []
    celery.advance(MINUTE)
    assert alive(reader, celery) == [f"Beat has sent nothing since {last(celery, 'sent')}. Start it, or read its log."]
    celery.start_beat()
    celery.advance(10 * MINUTE)
    assert alive(reader, celery) == []
    celery.stop_worker()
    ran = last(celery, "started")
    celery.advance(1.5 * MINUTE)
    assert alive(reader, celery) == []
    celery.advance(MINUTE)
    assert alive(reader, celery) == [f"No worker has run the reconciler since {ran}. Start one, or read its log."]
    celery.start_worker()
    celery.advance(SECOND)
    assert alive(reader, celery) == []


def test_beat_that_has_just_started_is_not_named(start: Start, reader: User) -> None:
    """It sends the first message after half a minute; a worker sends its own at once."""
    celery = start(NOON)
    for _ in range(4):
        celery.advance(20 * SECOND)
        assert alive(reader, celery) == []


def test_worker_whose_clock_is_wrong_has_an_error_in_its_log(
    start: Start, reader: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs, and the reconciler does not: to start another worker is not the only advice."""
    celery = start(NOON)
    celery.advance(MINUTE)
    ran = last(celery, "started")
    monkeypatch.setattr(tasks, "trusted_now", Mock(side_effect=ClocksDiffer("the clock of this host is wrong")))
    celery.advance(5 * MINUTE)
    assert alive(reader, celery) == [f"No worker has run the reconciler since {ran}. Start one, or read its log."]


def test_banner_names_both(start: Start, reader: User) -> None:
    """A worker that was down before beat; what it does once beat is down nobody can tell."""
    celery = start(NOON)
    celery.advance(MINUTE)
    celery.stop_worker()
    ran = last(celery, "started")
    celery.advance(5 * MINUTE)
    celery.stop_beat()
    celery.advance(5 * MINUTE)
    beat = f"Beat has sent nothing since {last(celery, 'sent')}. Start it, or read its log."
    assert alive(reader, celery) == [beat, f"No worker has run the reconciler since {ran}. Start one, or read its log."]


@pytest.mark.parametrize("member", ["worker", "beat"])
def test_member_that_never_ran_is_named(start: Start, reader: User, member: str) -> None:
    """A worker sends a message at its start too: that says nothing about beat."""
    celery = start(NOON)
    celery.stop_beat()
    if member == "worker":
        celery.stop_worker()
    ReconcilerRun.objects.all().delete()
    if member == "worker":
        celery.start_beat()
    else:
        celery.stop_worker()
        celery.start_worker()
    celery.advance(5 * MINUTE)
    named = {
        "worker": "No worker has run the reconciler yet. Start one, or read its log.",
        "beat": "Beat has sent nothing yet. Start it, or read its log.",
    }
    assert alive(reader, celery) == [named[member]]
