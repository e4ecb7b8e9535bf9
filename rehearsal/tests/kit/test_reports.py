"""What a failure shows of a timeline, and a timeline as JSON and as a page."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal import VirtualCelery

from .conftest import KYIV, NOON

if TYPE_CHECKING:
    from celery import Celery


class Page(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_failure_prints_twenty_lines(app: Celery) -> None:
    """Of a long timeline, those around the instant in question; and of what was found, ten."""
    with VirtualCelery(app, start=NOON) as celery:
        for _ in range(30):
            app.tasks["note"].delay()
            celery.advance(minutes=1)
        with pytest.raises(AssertionError) as caught:
            celery.assert_ran("note", at=NOON + timedelta(minutes=15, seconds=30))
        found, _, shown = str(caught.value).partition("the timeline around it:\n")
        assert len(shown.splitlines()) == 20
        assert "12:15:00" in shown
        assert "12:16:00" in shown
        assert "... and 20 more" in found
        assert len(celery.timeline.excerpt().splitlines()) == 20


def test_no_consumer_is_a_known_cause(app: Celery, transport: str) -> None:
    """The failure names it, and so does the record."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].apply_async(queue="nobodys")
        celery.advance(minutes=1)
        with pytest.raises(AssertionError, match=r"known cause: note\[\w{8}\] unconsumed: no consumer\n"):
            celery.assert_ran("note")
        assert celery.timeline.of("unconsumed")[0].detail == "no consumer"


def test_expiry_says_where(app: Celery) -> None:
    """On receipt, or while it waited in its worker."""
    with VirtualCelery(app, start=NOON, transport="fakeredis", workers=0) as celery:
        app.tasks["note"].apply_async(expires=60)
        celery.advance(minutes=2)
        celery.start_worker("worker1", queues=["celery"])
        app.tasks["nap"].delay(120)
        app.tasks["late"].apply_async(expires=60)
        celery.run_until_idle()
        details = {record.task: record.detail for record in celery.timeline.of("expired")}
        assert details == {"note": "expired on receipt", "late": "expired while it waited in worker1"}


def test_exhausted_retries_are_told_from_other_failures(app: Celery) -> None:
    """Where `retry()` itself raised the error, also by autoretry; a last try can fail without asking for one."""

    @app.task(name="auto", shared=False, bind=True, autoretry_for=(ValueError,), max_retries=1, default_retry_delay=5)
    def auto(self: Any, other: bool) -> None:
        raise KeyError if other and self.request.retries else ValueError

    with VirtualCelery(app, start=NOON) as celery:
        for sent in (False, True):
            auto.delay(sent)
        app.tasks["flaky"].delay(failures=9)
        celery.run_until_idle()
        details = [record.detail for record in celery.timeline.of("failed")]
    assert details == ["ValueError(), retries exhausted", "KeyError()", "BrokenError(), retries exhausted"]


def test_redelivery_says_why(app: Celery, transport: str) -> None:
    """Redis waits for the visibility timeout, RabbitMQ sees at once that a worker is lost."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        celery.kill_worker(during="late")
        app.tasks["late"].delay()
        celery.advance(hours=2)
        (again,) = celery.timeline.of("redelivered")
    why = "the visibility timeout" if transport == "fakeredis" else "worker1 was lost"
    assert again.detail == f"redelivered after {why}"
    assert f"redelivered after {why}" in str(celery.timeline)


def test_json(app: Celery) -> None:
    """One object for each record, with instants in ISO 8601 and values as JSON."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].apply_async(({"a": [1]},), countdown=5)
        app.tasks["note"].delay(NOON)
        celery.run_until_idle()
        records = json.loads(celery.timeline.json())
    assert [record["kind"] for record in records] == [record.kind for record in celery.timeline]
    first = records[0]
    assert (first["at"], first["args"], first["when"]) == (
        NOON.astimezone(timezone.utc).isoformat(),
        [{"a": [1]}],
        (NOON + timedelta(seconds=5)).astimezone(timezone.utc).isoformat(),
    )
    assert "datetime.datetime(2026" in str(records[1]["args"])


def test_a_page_has_lanes_and_runs_nothing(app: Celery) -> None:
    """Each worker and beat is a column; whatever a task or a value is called is text."""
    evil = "<script>alert('x')</script>\"&"

    @app.task(name=evil, shared=False)
    def wicked(_value: str) -> None:
        raise ValueError(evil)

    with VirtualCelery(app, start=datetime(2026, 1, 1, tzinfo=KYIV), workers=["a<b>"], beats=1) as celery:
        wicked.delay(evil)
        celery.run_until_idle()
        celery.step_clock(timedelta(hours=1))
        page = Page(celery.timeline.html())
    assert set(page.tags) <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "table", "tr", "th", "td", "span", "b", "small", "i")
    }
    assert "a<b>" in page.text
    assert page.text.count("alert('x')") >= 3
    assert "<script" not in celery.timeline.html()
    assert page.tags.count("tr") == len(celery.timeline) + 1


def test_a_long_page_keeps_the_newest(app: Celery) -> None:
    """A browser has its limits, and the page says so."""
    with VirtualCelery(app, start=NOON) as celery:
        for _ in range(501):
            app.tasks["note"].delay()
        celery.advance(minutes=1)
        page = celery.timeline.html()
    assert "The newest 2000 of 2004 records." in page
    assert page.count("<tr") == 2001
