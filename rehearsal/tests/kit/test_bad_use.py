"""Bad use is an error at once, and says what to do instead."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from celery.schedules import crontab
from celery_rehearsal import BadUseError, NestedClusterError, NeverIdleError, NotSimulatedError, VirtualCelery
from celery_rehearsal.limits import NOT_SIMULATED

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery


def test_a_naive_start_is_refused(app: Celery) -> None:
    """18:00 where? A datetime without a zone cannot say."""
    with pytest.raises(BadUseError, match=r"start: .* is naive"):
        VirtualCelery(app, start=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_a_naive_instant_is_refused(app: Celery) -> None:
    """run_until takes no naive datetime either."""
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="naive"):
        celery.run_until(NOON.replace(tzinfo=None))


@pytest.mark.parametrize("at", [NOON.replace(tzinfo=None), [NOON, NOON.replace(tzinfo=None)], "12:00", 12])
def test_an_assertion_takes_only_aware_instants(app: Celery, at: Any) -> None:
    """`at=` refuses a naive datetime, alone or in a list, and what is no datetime."""
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay()
        celery.run_until_idle()
        for check in (celery.assert_ran, celery.assert_sent):
            with pytest.raises(BadUseError, match=r"at: .*(naive; give it a time zone|aware datetime is wanted)"):
                check("note", at=at)


def test_advance_takes_the_keywords_of_timedelta(app: Celery) -> None:
    """`advance(minutes=5)` lets as much time pass as `advance(timedelta(minutes=5))`."""
    with VirtualCelery(app, start=NOON) as celery:
        celery.advance(minutes=5, seconds=30)
        assert celery.now == NOON + timedelta(minutes=5, seconds=30)


@pytest.mark.parametrize(
    "use",
    [
        lambda celery: celery.advance(60),
        lambda celery: celery.advance(),
        lambda celery: celery.advance(timedelta(0), minutes=5),
        lambda celery: celery.advance(fortnights=1),
        lambda celery: celery.advance(minutes="5"),
        lambda celery: celery.run_until_idle(limit=60),
        lambda celery: celery.step_clock(60),
    ],
)
def test_a_duration_without_a_unit_is_refused(app: Celery, use: Any) -> None:
    """A bare number could be seconds or minutes; the error shows how to write it, and no time passes."""
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(BadUseError, match="minutes=5"):
            use(celery)
        assert celery.now == NOON


def test_time_does_not_run_backwards(app: Celery) -> None:
    """Neither advance nor run_until goes back, and both say which fault does."""
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(BadUseError, match="step_clock"):
            celery.advance(timedelta(seconds=-1))
        with pytest.raises(BadUseError, match="step_clock"):
            celery.run_until(NOON - timedelta(days=1))
        assert celery.now == NOON


def test_two_clusters_do_not_nest(app: Celery) -> None:
    """One process has one clock; the outer cluster goes on after the refusal."""
    with VirtualCelery(app, start=NOON) as celery:
        with pytest.raises(NestedClusterError), VirtualCelery(app, start=NOON):
            pass
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note", times=1)


def test_a_task_cannot_start_a_cluster(app: Celery) -> None:
    """No retry of the task's swallows the refusal."""

    @app.task(name="nests", shared=False, autoretry_for=(Exception,))
    def nests() -> None:
        with VirtualCelery(app, start=NOON):
            pass

    with VirtualCelery(app, start=NOON) as celery:
        nests.delay()
        with pytest.raises(NestedClusterError):
            celery.run_until_idle()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_duration_that_is_no_number_is_refused(app: Celery, wrong: float) -> None:
    """Not a number of minutes, and endless minutes."""
    with VirtualCelery(app, start=NOON) as celery, pytest.raises(BadUseError, match="minutes=5"):
        celery.advance(minutes=wrong)


@pytest.mark.parametrize("transport", ["redis://localhost", "amqp", ""])
def test_a_real_broker_is_refused(app: Celery, transport: str) -> None:
    """The transport is one of two, neither of them a server."""
    with pytest.raises(BadUseError, match='one of "memory" and "fakeredis"'):
        VirtualCelery(app, start=NOON, transport=transport)


@pytest.mark.parametrize("option", sorted(NOT_SIMULATED))
def test_what_is_not_simulated_is_refused(app: Celery, option: str) -> None:
    """Asking for anything in the table raises with the table's reason."""
    wanted: dict[str, Any] = {option: True}
    with pytest.raises(NotSimulatedError, match=option):
        VirtualCelery(app, start=NOON, **wanted)


def test_an_unknown_option_is_refused(app: Celery) -> None:
    """A misspelt option does not pass in silence."""
    with pytest.raises(BadUseError, match="'worker'"):
        VirtualCelery(app, start=NOON, worker=2)  # type: ignore[arg-type]  # a type checker finds it, too


@pytest.mark.parametrize("wanted", [{"workers": -1}, {"workers": "one"}, {"beats": ["a", "a"]}])
def test_members_make_sense(app: Celery, wanted: dict[str, Any]) -> None:
    """A number is not negative, a string is no list, and a name is there once."""
    with pytest.raises(BadUseError), VirtualCelery(app, start=NOON, **wanted):
        pass


def test_a_queue_that_cannot_be_is_refused() -> None:
    """A worker of a queue that the app forbids to create says which."""
    from .shop import make_app

    app = make_app(task_create_missing_queues=False)
    with pytest.raises(BadUseError, match="mail"), VirtualCelery(app, start=NOON, workers={"w": ["mail"]}):
        pass


def test_never_idle_names_what_is_busy(app: Celery) -> None:
    """A task that sends itself again for ever is named when the limit is reached, and so is beat."""

    @app.task(name="ping", shared=False)
    def ping() -> None:
        ping.apply_async(countdown=60)

    app.conf.beat_schedule = {"hourly": {"task": "note", "schedule": crontab(minute=15)}}
    with VirtualCelery(app, start=NOON) as celery:
        ping.delay()
        with pytest.raises(NeverIdleError, match=r"scheduled  ping\[(.|\n)*beat1 \(hourly"):
            celery.run_until_idle(limit=timedelta(hours=3))


def test_idle_is_reached_between_beats_entries(app: Celery) -> None:
    """What beat will send some day does not keep a cluster busy."""
    app.conf.beat_schedule = {"hourly": {"task": "note", "schedule": crontab(minute=15)}}
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].apply_async(countdown=60)
        celery.run_until_idle()
        assert celery.now == NOON + timedelta(minutes=1)


def test_never_idle_without_workers(app: Celery, transport: str) -> None:
    """A message that nobody will take is an error, not a wait."""
    with VirtualCelery(app, start=NOON, transport=transport, workers=0, beats=0) as celery:
        app.tasks["note"].delay()
        with pytest.raises(NeverIdleError, match="workers: none"):
            celery.run_until_idle()


def test_a_task_cannot_move_the_clock(app: Celery) -> None:
    """advance() inside a task is the test's mistake, and stops the test."""

    @app.task(name="moves", shared=False)
    def moves() -> None:
        celery.advance(timedelta(hours=1))

    with VirtualCelery(app, start=NOON) as celery:
        moves.delay()
        with pytest.raises(BadUseError, match="only sleep"):
            celery.advance(timedelta(0))


def test_a_cluster_runs_only_inside_its_block(app: Celery) -> None:
    """Before and after its block a cluster does not move."""
    celery = VirtualCelery(app, start=NOON)
    with pytest.raises(BadUseError, match="with"):
        celery.advance(timedelta(0))
    with celery:
        pass
    with pytest.raises(BadUseError, match="with"):
        celery.run_until(datetime.now(timezone.utc))


def test_a_cluster_runs_once(app: Celery) -> None:
    """A second run would go on from the first one's queues; it takes a new cluster."""
    celery = VirtualCelery(app, start=NOON)
    with celery:
        pass
    with pytest.raises(BadUseError, match="runs once"), celery:
        pass


def test_a_fault_that_is_misspelt_in_a_task_fails_the_test(app: Celery) -> None:
    """Not the task, whose retry would swallow it."""
    clusters: list[VirtualCelery] = []

    @app.task(name="kills", shared=False, autoretry_for=(Exception,))
    def kills() -> None:
        clusters[0].kill_worker("wroker1")

    with VirtualCelery(app, start=NOON) as celery:
        clusters.append(celery)
        kills.delay()
        with pytest.raises(BadUseError, match="no worker 'wroker1'; running: worker1"):
            celery.run_until_idle()
