"""Calling tasks with a time: countdown, eta, expires, retries and rate limits, at their instants in virtual time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery_rehearsal import VirtualCelery

from lesson.app import add, app, flaky, limited, stubborn

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
KYIV = ZoneInfo("Europe/Kyiv")


@pytest.fixture(params=["memory", "fakeredis"])
def celery(request: pytest.FixtureRequest) -> Iterator[VirtualCelery]:
    """The lesson's app with one worker, on each transport; it is noon."""
    with VirtualCelery(app, start=NOON, transport=request.param, beats=0, result_backend="redis://") as running:
        yield running


def instants(celery: VirtualCelery, kind: str = "started") -> list[str]:
    """When it happened, by the clocks of UTC."""
    return [f"{record.at:%H:%M:%S}" for record in celery.timeline.of(kind)]


def test_ready_once_it_ran(celery: VirtualCelery) -> None:
    """A result is not `ready()` before its task ran, and is after it."""
    result = add.delay(4, 4)
    assert not result.ready()
    assert result.state == "PENDING"

    celery.run_until_idle()

    assert result.ready()
    assert result.get() == 8


def test_countdown(celery: VirtualCelery) -> None:
    """`countdown=3` runs three seconds later, not before."""
    result = add.apply_async((2, 2), countdown=3)

    celery.advance(timedelta(seconds=3) - timedelta(milliseconds=1))
    assert not result.ready()
    celery.advance(timedelta(milliseconds=1))
    assert result.get() == 4
    assert instants(celery) == ["12:00:03"]


@pytest.mark.parametrize("zone", [UTC, KYIV], ids=["UTC", "Kyiv"])
def test_eta(celery: VirtualCelery, zone: ZoneInfo) -> None:
    """`eta` is an instant, in whatever time zone it is written.

    Half an hour: on Redis one beyond the visibility timeout, an hour, would be delivered again and again.
    """
    later = NOON + timedelta(minutes=30)
    result = add.apply_async((2, 2), eta=later.astimezone(zone))

    celery.run_until_idle()

    assert result.get() == 4
    assert [record.at for record in celery.timeline.of("started")] == [later]


@pytest.mark.parametrize("expires", [60, NOON + timedelta(seconds=60)], ids=["number", "datetime"])
def test_expires(celery: VirtualCelery, expires: float | datetime) -> None:
    """A task that comes after `expires`, in seconds or as an instant, is revoked and never runs."""
    late = add.apply_async((10, 10), expires=expires, countdown=61)

    celery.run_until_idle()

    assert str(late.state) == "REVOKED"
    assert instants(celery) == []
    assert len(celery.timeline.of("expired")) == 1


@pytest.mark.parametrize("expires", [60, NOON + timedelta(seconds=60)], ids=["number", "datetime"])
def test_in_time_before_it_expires(celery: VirtualCelery, expires: float | datetime) -> None:
    """The same task runs when it comes before."""
    in_time = add.apply_async((10, 10), expires=expires, countdown=59)

    celery.run_until_idle()

    assert in_time.get() == 20
    assert instants(celery) == ["12:00:59"]


def test_link_after_countdown(celery: VirtualCelery) -> None:
    """`(2 + 2) + 16`: the link is called when the first has run, not when it was sent."""
    add.apply_async((2, 2), countdown=10, link=add.s(16))

    celery.run_until_idle()

    assert [(f"{r.at:%H:%M:%S}", r.args) for r in celery.timeline.of("received")] == [
        ("12:00:00", (2, 2)),
        ("12:00:10", (4, 16)),
    ]


def test_retry_waits_its_delay(celery: VirtualCelery) -> None:
    """`retry` comes again after `default_retry_delay`, a minute here."""
    result = flaky.delay(2)

    celery.run_until_idle()

    assert result.get() == 3
    assert instants(celery) == ["12:00:00", "12:01:00", "12:02:00"]


def test_retry_with_a_countdown(celery: VirtualCelery) -> None:
    """`retry(countdown=…)` overrides the delay."""
    flaky.delay(1, countdown=5)

    celery.run_until_idle()

    assert instants(celery) == ["12:00:00", "12:00:05"]


def test_autoretry_backs_off(celery: VirtualCelery) -> None:
    """`autoretry_for` with `retry_backoff=10` waits 10, 20 and 40 seconds, then gives up."""
    result = stubborn.delay()

    celery.run_until_idle()

    assert instants(celery) == ["12:00:00", "12:00:10", "12:00:30", "12:01:10"]
    assert result.state == "FAILURE"


def test_rate_limit(celery: VirtualCelery) -> None:
    """`rate_limit="10/m"` lets a worker start one every six seconds."""
    for number in range(4):
        limited.delay(number)

    celery.run_until_idle()

    assert instants(celery) == ["12:00:00", "12:00:06", "12:00:12", "12:00:18"]
