"""Records keep the values of messages, and assertions compare them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
from celery_rehearsal import BadUseError, VirtualCelery

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


def test_records_have_the_values_that_the_worker_reads(app: Celery, transport: str) -> None:
    """JSON makes a list of a tuple, and text of each key; the result is the task's own value."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].delay({1: (2, 3)})
        app.tasks["note"].apply_async(kwargs={"value": NOON}, compression="gzip")
        celery.run_until_idle()
        for kind in ("sent", "received", "started", "succeeded"):
            first, second = celery.timeline.of(kind, "note")
            assert (first.args, first.kwargs) == (({"1": [2, 3]},), {})
            assert (second.args, second.kwargs) == ((), {"value": NOON})
        assert [record.result for record in celery.timeline.of("succeeded")] == [{"1": [2, 3]}, NOON]


def test_a_record_does_not_change_with_its_values(app: Celery) -> None:
    """What the test and the task do to an argument later reaches no record."""

    @app.task(name="grow", shared=False, serializer="pickle")
    def grow(numbers: list[int]) -> list[int]:
        numbers.append(99)
        return numbers

    app.conf.accept_content = ["pickle"]
    numbers = [1]
    with VirtualCelery(app, start=NOON) as celery:
        grow.delay(numbers)
        numbers.append(2)
        celery.run_until_idle()
        assert {str(record.args) for record in celery.timeline if record.args} == {"([1],)"}
        (done,) = celery.timeline.of("succeeded")
        assert done.result == [1, 99]


def test_what_cannot_be_copied_is_kept(app: Celery) -> None:
    """A result that refuses to be copied is in the record itself."""

    class Single:
        def __deepcopy__(self, _memo: Any) -> Any:
            raise TypeError

        def __reduce__(self) -> Any:
            return Single, ()

    @app.task(name="single", shared=False, ignore_result=True)
    def single() -> Any:
        return Single()

    with VirtualCelery(app, start=NOON, pool="solo") as celery:
        single.delay()
        celery.advance(timedelta(0))
        assert isinstance(celery.timeline.of("succeeded")[0].result, Single)


@pytest.mark.parametrize(("args", "end"), [(7, "failed"), (0, "failed"), ("a", "succeeded")])
def test_arguments_that_are_no_list_are_recorded(app: Celery, args: Any, end: str) -> None:
    """A message past Celery can hold anything instead of a list. The worker reads it, and the timeline has it."""
    headers = {"task": "note", "id": "shape", "lang": "py"}
    with VirtualCelery(app, start=NOON) as celery:
        with app.connection_for_write() as connection, connection.Producer() as producer:
            producer.publish([args, {}, {}], routing_key="celery", serializer="json", headers=headers)
        celery.run_until_idle()
        told = [(record.kind, record.args) for record in celery.timeline if record.id == "shape"]
        assert told == [("received", args), ("started", args), (end, args)]


def test_arguments_are_compared(app: Celery) -> None:
    """By values, by matchers within them, and by a function of all."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay([1, "a"])
        app.tasks["note"].delay(value=5)
        app.tasks["flaky"].delay(failures=1)
        celery.run_until_idle()
        assert len(celery.assert_ran("note", args=([1, ANY],), kwargs={})) == 1
        celery.assert_ran("note", args=[[1, "a"]], times=1)
        celery.assert_sent("note", kwargs={"value": ANY}, times=1)
        celery.assert_sent("note", kwargs=lambda kwargs: kwargs.get("value", 0) > 4, times=1)
        celery.assert_sent("note", args=lambda args: len(args) == 1, times=1)
        celery.assert_not_ran("note", args=(6,))
        celery.assert_not_ran("note", kwargs={"value": 6})
        celery.assert_retried("flaky", kwargs={"failures": 1}, at=[NOON + timedelta(minutes=1)], times=1)
        with pytest.raises(AssertionError, match=r"wanted note to have run, args \(\(1, 2\),\)\nfound 0: nothing"):
            celery.assert_ran("note", args=((1, 2),))
        with pytest.raises(AssertionError, match=r"wanted note not to have run, kwargs {'value': 5}\nfound 1"):
            celery.assert_not_ran("note", kwargs={"value": 5})


@pytest.mark.parametrize("wanted", [{"args": "abc"}, {"args": 5}, {"kwargs": [("value", 5)]}])
def test_arguments_that_no_message_has_are_refused(app: Celery, wanted: dict[str, Any]) -> None:
    """A string is no list of arguments, and a list no dict of them."""
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="give a "):
        celery.assert_sent("note", times=0, **wanted)


def test_retries_are_asked_for_at_instants(app: Celery) -> None:
    """The instants are those for which the retries are due, whether they ran or not."""
    with VirtualCelery(app, start=NOON) as celery:
        sent = app.tasks["flaky"].delay(failures=2)
        celery.advance(minutes=1)
        first, second = celery.assert_retried(
            "flaky", at=[NOON + timedelta(minutes=1), NOON + timedelta(minutes=4)], id=sent.id
        )
        assert (first.attempt, second.attempt) == (1, 2)
        celery.assert_ran("flaky", times=2)
        with pytest.raises(AssertionError, match=r"wanted flaky to have asked for a retry 3 times\nfound 2"):
            celery.assert_retried("flaky", times=3)


def test_the_table_shows_arguments_shortened(app: Celery) -> None:
    """Celery's repr of them, or what the caller gave to hide them, in 60 characters at most."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay("x" * 100)
        options: dict[str, Any] = {"argsrepr": "(a card)"}
        app.tasks["fail"].apply_async(("4111 1111",), **options)
        celery.advance(timedelta(0))
        lines = str(celery.timeline).splitlines()
    assert len([line for line in lines if f"('{'x' * 55}..." in line]) == 2
    assert len([line for line in lines if "(a card)" in line]) == 2
    assert "4111" not in "\n".join(lines)


def test_a_record_is_hashable(app: Celery) -> None:
    """A set of records works, although their values can be lists."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay([1])
        assert len(set(celery.timeline)) == len(celery.timeline)
