"""Each worker and each beat is a process of its own, and so is the test."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, Task, signals
from celery.worker import state
from celery_rehearsal import VirtualCelery
from kombu import Queue

from .conftest import NOON
from .shop import make_app

MINUTE = timedelta(minutes=1)


def look(conf: Any) -> dict[str, Any]:
    """What a process sees of the settings that the tests change."""
    names = ("task_default_priority", "task_routes", "broker_transport_options", "beat_schedule", "mine", "timezone")
    return copy.deepcopy({name: conf.get(name) for name in names})


def spoil(app: Any) -> None:
    """Change settings in each way that code has: set, update, and in place, at any depth."""
    app.conf.task_default_priority = 7
    app.conf.update(timezone="Asia/Tokyo")
    app.conf.task_routes["note"]["queue"] = "elsewhere"
    app.conf.broker_transport_options["visibility_timeout"] = 1
    app.conf.beat_schedule["entry"]["options"]["queue"] = "elsewhere"
    app.conf.beat_schedule["other"] = {"task": "note", "schedule": 1.0}
    app.conf.mine["list"].append(1)


SETTINGS: dict[str, Any] = {
    "task_routes": {"note": {"queue": "notes"}},
    "beat_schedule": {"entry": {"task": "note", "schedule": timedelta(hours=1), "options": {"expires": 60}}},
    "mine": {"list": []},
}


@pytest.fixture(name="app")
def app_with_nested_settings() -> Celery:
    """Its tasks spoil the settings, and tell what their process sees of them."""
    app = make_app(**copy.deepcopy(SETTINGS))

    @app.task(name="spoil", shared=False)
    def spoil_settings() -> None:
        spoil(app)

    @app.task(name="look", shared=False)
    def look_at_settings() -> Any:
        seen.append(look(app.conf))

    seen: list[Any] = vars(app).setdefault("seen", [])
    return app


def test_a_worker_changes_its_own_settings_alone(app: Celery, transport: str) -> None:
    """The change lasts in the worker until it ends. Neither the test nor another process sees it."""
    before = look(app.conf)
    with VirtualCelery(app, start=NOON, transport=transport, workers={"one": ["one"], "two": ["two"]}) as celery:
        app.tasks["spoil"].apply_async(queue="one")
        for queue in ("one", "two"):
            app.tasks["look"].apply_async(queue=queue)
            celery.advance(seconds=1)
        changed, other = vars(app)["seen"]
        assert changed["mine"] == {"list": [1]}
        assert changed["task_default_priority"] == 7
        assert changed["beat_schedule"]["entry"]["options"] == {"expires": 60, "queue": "elsewhere"}
        assert other == look(app.conf) == before
        celery.kill_worker("one")
        celery.start_worker("one")
        app.tasks["look"].apply_async(queue="one")
        celery.advance(seconds=1)
        assert vars(app)["seen"][2] == before
    assert look(app.conf) == before


def test_a_workers_routes_are_its_own(app: Celery, transport: str) -> None:
    """Celery makes its router again when settings are updated: only in the process that updates them."""

    @app.task(name="reroute", shared=False)
    def reroute() -> None:
        app.conf.update(task_routes={"look": {"queue": "elsewhere"}})

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["look"].delay()
        celery.advance(seconds=1)
        reroute.delay()
        celery.advance(seconds=1)
        app.tasks["look"].delay()
        celery.advance(seconds=1)
    assert len(vars(app)["seen"]) == 2


def test_a_worker_does_not_change_the_next_beat(app: Celery, transport: str) -> None:
    """Beat starts with the schedule of the code."""
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["spoil"].delay()
        celery.advance(MINUTE)
        celery.stop_beat()
        celery.start_beat(fresh=True)
        celery.advance(timedelta(hours=2))
        assert {record.entry for record in celery.timeline.of("beat")} == {"entry"}
        assert {record.queue for record in celery.timeline.of("sent", "note")} == {"notes"}


def test_a_periodic_task_of_a_running_task_is_lost(app: Celery, transport: str) -> None:
    """`add_periodic_task` in a task changes the memory of its worker, which no beat reads."""

    @app.task(name="adds", shared=False)
    def adds() -> None:
        app.add_periodic_task(1.0, app.tasks["note"].s(), name="added")

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        adds.delay()
        celery.advance(MINUTE)
        celery.stop_beat()
        celery.start_beat(fresh=True)
        celery.advance(MINUTE)
        celery.assert_not_ran("note")


def test_the_test_changes_what_starts_later(app: Celery) -> None:
    """A setting that the test changes is new code: processes that run keep what they started with."""
    with VirtualCelery(app, start=NOON, workers=1) as celery:
        app.conf.beat_schedule["new"] = {"task": "note", "schedule": timedelta(seconds=10)}
        app.conf.mine = {"list": [2]}
        app.tasks["look"].delay()
        celery.advance(MINUTE)
        assert vars(app)["seen"][0]["mine"] == {"list": []}
        assert celery.timeline.of("beat") == []
        celery.stop_beat()
        celery.start_beat()
        celery.stop_worker()
        celery.start_worker()
        app.tasks["look"].delay()
        celery.advance(MINUTE)
        assert vars(app)["seen"][1]["mine"] == {"list": [2]}
        assert {record.entry for record in celery.timeline.of("beat")} == {"new"}
    assert "new" not in app.conf.beat_schedule


def test_celeryd_init_configures_one_worker(app: Celery) -> None:
    """As Celery's documentation has it: a handler for one node name changes the settings of that worker."""

    def handler(sender: str, conf: Any, **_arguments: Any) -> None:
        if sender.startswith("one@"):
            conf.mine = {"list": [sender.partition("@")[0]]}

    signals.celeryd_init.connect(handler)
    workers = {"one": ["one"], "two": ["two"]}
    with VirtualCelery(app, start=NOON, workers=workers) as celery:
        for queue in workers:
            app.tasks["look"].apply_async(queue=queue)
            celery.advance(seconds=1)
    signals.celeryd_init.disconnect(handler)
    assert [seen["mine"]["list"] for seen in vars(app)["seen"]] == [["one"], []]


def test_queues_of_a_task_stay_in_its_worker(app: Celery) -> None:
    """A queue that a task adds is not one that a worker started later consumes, nor one of the test's."""

    @app.task(name="adds", shared=False)
    def adds() -> None:
        app.amqp.queues.add(Queue("extra"))

    with VirtualCelery(app, start=NOON) as celery:
        adds.delay()
        celery.advance(seconds=1)
        assert "extra" not in app.amqp.queues
        celery.kill_worker()
        celery.start_worker()
        app.send_task("note", queue="extra")
        celery.advance(seconds=1)
        celery.assert_not_ran("note")
    assert "extra" not in app.amqp.queues


def test_two_clusters_do_not_see_each_other(app: Celery, transport: str) -> None:
    """What workers, beats and the test changed in one cluster is gone in the next."""

    def handler(**_arguments: Any) -> None:
        heard.append(1)

    @app.task(name="leaks", shared=False)
    def leaks() -> None:
        spoil(app)
        signals.task_prerun.connect(handler)
        app.tasks["note"].rate_limit = "1/h"
        vars(app.tasks["note"])["new"] = True
        state.revoked.add("id")

    heard: list[int] = []
    before = look(app.conf)
    for _ in range(2):
        with VirtualCelery(app, start=NOON, transport=transport) as celery:
            leaks.delay()
            celery.advance(MINUTE)
            spoil(app)
            app.conf.beat_schedule = {}
            assert heard == []
        assert look(app.conf) == before
        assert app.tasks["note"].rate_limit is None
        assert not hasattr(app.tasks["note"], "new")
        assert "id" not in state.revoked
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks["note"].delay()
        celery.advance(MINUTE)
    assert heard == []


def test_revoked_ids_belong_to_a_worker(app: Celery) -> None:
    """What one worker remembers as revoked, or as stopping, another does not know."""
    seen: list[Any] = []

    @app.task(name="revokes", shared=False)
    def revokes() -> None:
        seen.append(("id" in state.revoked, app.conf.timezone))
        state.revoked.add("id")

    with VirtualCelery(app, start=NOON, workers={"one": ["one"], "two": ["two"]}) as celery:
        for queue in ("one", "two", "one"):
            revokes.apply_async(queue=queue)
            celery.advance(seconds=1)
        assert "id" not in state.revoked
    assert [known for known, _zone in seen] == [False, False, True]


def test_the_identity_of_settings_stays(app: Celery) -> None:
    """The test sees the very objects that it gave, inside a cluster and after it."""
    schedule = app.conf.beat_schedule
    with VirtualCelery(app, start=NOON):
        assert app.conf.beat_schedule is schedule
        schedule["new"] = {}
    assert app.conf.beat_schedule is schedule
    assert list(schedule) == ["entry"]


def test_a_call_of_the_base_class_keeps_the_request(app: Celery, transport: str) -> None:
    """A task class whose `__call__` calls `super().__call__` sees its own id, as in a real worker."""

    class Base(Task):  # type: ignore[type-arg] # at run time it has no parameters
        abstract = True

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs)

    seen: list[Any] = []

    @app.task(name="asks", base=Base, bind=True, shared=False)
    def asks(self: Any) -> None:
        seen.append(self.request.id)

    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        sent = asks.delay()
        celery.run_until_idle()
    assert seen == [sent.id]
