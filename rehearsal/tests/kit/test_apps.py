"""Several apps in one cluster, each with its own broker and results."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, _state, current_app, shared_task
from celery.exceptions import TimeoutError as NoResultError
from celery.schedules import crontab
from celery_rehearsal import BadUseError, RealWorldError, VirtualCelery
from celery_rehearsal.places import broker_key

from .conftest import NOON
from .optional import needs_redis
from .test_restoration import picture

SHOP = "redis://shop.invalid/0"
BANK = "redis://bank.invalid/0"
HOUR = timedelta(hours=1)


def make(name: str, broker: str, **settings: Any) -> Celery:
    app = Celery(name, broker=broker, backend=f"{broker}1", set_as_current=False, fixups=[])
    app.conf.update(settings)

    @app.task(shared=False, name="whoami")
    def whoami() -> str:
        return f"{name} as {current_app.main}"

    return app


@pytest.fixture
def shop() -> Celery:
    return make("shop", SHOP)


@pytest.fixture
def bank() -> Celery:
    return make("bank", BANK)


def test_a_task_publishes_through_another_app(shop: Celery, bank: Celery, transport: str) -> None:
    """Each message goes to its own app's broker, where its own app's worker runs it, with that app as the current."""

    @shop.task(shared=False, name="order")
    def order() -> None:
        bank.send_task("whoami")

    with VirtualCelery(shop, start=NOON, transport=transport, others={bank: {"workers": ["teller"]}}) as celery:
        order.delay()
        celery.run_until_idle()
        celery.assert_ran("order", worker="worker1")
        [record] = celery.timeline.of("succeeded", "whoami")
        assert (record.worker, record.detail) == ("teller", "= 'bank as bank'")
        assert [broker.queued() for broker in celery.brokers] == [[], []]


def test_brokers_are_separate(shop: Celery, bank: Celery, transport: str) -> None:
    """One queue name on two brokers is two queues: a worker of the one app does not see the other's messages."""
    with VirtualCelery(shop, start=NOON, transport=transport, others=[bank]) as celery:
        bank.tasks["whoami"].delay()
        celery.advance(HOUR)
        celery.assert_not_ran("whoami")
        assert [m.queue for m in celery.pending().unconsumed] == ["celery"]
        assert len(celery.timeline.of("unconsumed")) == 1


def test_apps_on_one_broker_exchange_messages(transport: str) -> None:
    """Two apps with one broker URL share its queues, whatever user each connects as."""
    one = make("one", "redis://user:secret@shop.invalid:6379/0", task_default_queue="ones")
    two = make("two", SHOP, task_default_queue="twos")

    @two.task(shared=False, name="reply")
    def reply() -> str:
        return "yes"

    with VirtualCelery(one, start=NOON, transport=transport, others={two: {"workers": 1}}) as celery:
        assert len(celery.brokers) == 1
        one.send_task("reply", queue="twos")
        two.send_task("whoami", queue="ones")
        celery.run_until_idle()
        assert celery.timeline.of("succeeded", "reply")[0].worker == "two-worker1"
        assert celery.timeline.of("succeeded", "whoami")[0].detail == "= 'one as one'"


def test_results_are_each_apps_own(shop: Celery, bank: Celery, transport: str) -> None:
    """An app finds the results of its own backend; another's are pending for ever, as in production."""
    with VirtualCelery(shop, start=NOON, transport=transport, others={bank: {"workers": 1}}) as celery:
        mine, theirs = shop.tasks["whoami"].delay(), bank.tasks["whoami"].delay()
        celery.run_until_idle()
        assert (mine.get(), theirs.get()) == ("shop as shop", "bank as bank")
        assert shop.AsyncResult(theirs.id).state == "PENDING"
        with pytest.raises(NoResultError):
            shop.AsyncResult(theirs.id).get(timeout=5)


def test_apps_with_one_result_backend_share_its_results(transport: str) -> None:
    """Equal URLs are one store."""
    one, two = make("one", SHOP), make("two", BANK)
    two.conf.update(result_backend=one.conf.result_backend)
    with VirtualCelery(one, start=NOON, transport=transport, others={two: {"workers": 1}}) as celery:
        sent = two.tasks["whoami"].delay()
        celery.run_until_idle()
        assert one.AsyncResult(sent.id).get() == "two as two"


def test_a_shared_task_goes_by_the_current_app(shop: Celery, bank: Celery, transport: str) -> None:
    """In a worker of an app, shared tasks are that app's; in the test they are the main app's."""

    @shared_task(name=f"ping {transport}")
    def ping() -> str:
        return str(current_app.main)

    @bank.task(shared=False, name="pings")
    def pings() -> None:
        ping.delay()

    try:
        with VirtualCelery(shop, start=NOON, transport=transport, others={bank: {"workers": 1}}) as celery:
            ping.delay()
            pings.delay()
            celery.run_until_idle()
            assert {(r.worker, r.detail) for r in celery.timeline.of("succeeded", f"ping {transport}")} == {
                ("worker1", "= 'shop'"),
                ("bank-worker1", "= 'bank'"),
            }
    finally:
        anything: Any = _state
        for call in [call for call in anything._on_app_finalizers if call.__qualname__.startswith("shared_task")]:
            anything._on_app_finalizers.discard(call)


def test_each_app_has_its_own_beat(shop: Celery, bank: Celery, transport: str) -> None:
    """A beat sends its own app's entries to that app's broker."""
    entry = {"task": "whoami", "schedule": crontab(minute=0)}
    shop.conf.beat_schedule, bank.conf.beat_schedule = {"shop": entry}, {"bank": entry}
    with VirtualCelery(shop, start=NOON, transport=transport, others={bank: {"workers": 1, "beats": 1}}) as celery:
        celery.advance(minutes=90)
        assert {(r.by, r.entry) for r in celery.timeline.of("sent")} == {("beat1", "shop"), ("bank-beat1", "bank")}
        assert {r.worker for r in celery.timeline.of("succeeded")} == {"worker1", "bank-worker1"}


def test_faults_reach_the_broker_that_they_name(shop: Celery, bank: Celery, transport: str) -> None:
    """lose_broker() empties the main app's broker or the named one's; a double arrives where its first did."""
    with VirtualCelery(shop, start=NOON, transport=transport, workers=0, others=[bank]) as celery:
        shop.tasks["whoami"].delay()
        sent = bank.tasks["whoami"].delay()
        celery.deliver_twice(sent.id)
        assert [len(broker.queued()) for broker in celery.brokers] == [1, 2]
        celery.lose_broker(bank)
        assert [len(broker.queued()) for broker in celery.brokers] == [1, 0]
        celery.lose_broker()
        assert not celery.pending()
        with pytest.raises(BadUseError, match="not an app of the cluster"):
            celery.lose_broker(make("other", SHOP))


@needs_redis
def test_every_app_is_as_before_afterwards(shop: Celery, bank: Celery, transport: str) -> None:
    """Configuration, pools, queues and backend of each."""
    before = picture(shop), picture(bank)
    with VirtualCelery(shop, start=NOON, transport=transport, others={bank: {"workers": 1}}) as celery:
        bank.tasks["whoami"].apply_async(queue="new")
        celery.advance(HOUR)
    assert (picture(shop), picture(bank)) == before


def test_an_app_that_is_not_given_is_refused_by_name(shop: Celery, bank: Celery) -> None:
    """The error names the app and its broker, and how to give it to the cluster; nothing is sent anywhere."""
    with VirtualCelery(shop, start=NOON) as celery:
        with pytest.raises(RealWorldError) as caught:
            bank.tasks["whoami"].delay()
        message = str(caught.value)
        assert "app 'bank'" in message
        assert "redis://bank.invalid" in message
        assert "others=[that_app]" in message
        assert "allow_" not in message
        assert len(celery.timeline) == 0


@pytest.mark.parametrize("before", ["nothing", pytest.param("a pool", marks=needs_redis), "a memory broker"])
def test_no_way_of_another_app_to_its_broker_is_open(shop: Celery, before: str) -> None:
    """Not with pools that it made before the cluster, nor on a broker that needs no socket."""
    other = make("other", "memory://" if before == "a memory broker" else BANK)
    if before == "a pool":
        assert other.producer_pool is not None
    ways: list[Any] = [
        other.tasks["whoami"].delay,
        lambda: other.send_task("whoami"),
        other.connection_for_write,
        other.connection_for_read,
        other.connection,
        lambda: other.pool,
        other.control.ping,
    ]
    with VirtualCelery(shop, start=NOON, allow_sockets=True, allow_threads=True):
        for way in ways:
            with pytest.raises(RealWorldError, match="app 'other'"):
                way()


def test_a_refused_app_fails_the_test_and_not_the_task(shop: Celery, bank: Celery) -> None:
    """A task that swallows everything does not keep the refusal from the test."""

    @shop.task(shared=False, name="order", autoretry_for=(Exception,))
    def order() -> None:
        with suppress(BaseException):
            bank.send_task("whoami")

    with VirtualCelery(shop, start=NOON) as celery:
        order.delay()
        with pytest.raises(RealWorldError, match="app 'bank'"):
            celery.advance(HOUR)


def test_a_connection_to_another_apps_broker_is_that_broker(shop: Celery, bank: Celery, transport: str) -> None:
    """An app can publish over a connection to the other's URL."""
    with VirtualCelery(shop, start=NOON, transport=transport, others={bank: {"workers": 1}}) as celery:
        with shop.connection(BANK) as connection:
            shop.send_task("whoami", connection=connection)
        celery.run_until_idle()
        assert celery.timeline.of("succeeded", "whoami")[0].detail == "= 'bank as bank'"


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        (lambda shop, _bank: [shop], "twice"),
        (lambda _shop, bank: {bank: {"worker": 1}}, "no option worker"),
        (lambda _shop, bank: {bank: {"workers": ["worker1"]}}, "two members .* worker1"),
        (lambda _shop, bank: {bank: {"transport": "amqp"}}, "one of"),
        (lambda _shop, _bank: {make("x", SHOP): {"transport": "memory"}}, "share a broker"),
        (
            lambda _shop, _bank: [make("x", SHOP, broker_transport_options={"visibility_timeout": 5})],
            "broker_transport_options",
        ),
    ],
)
def test_apps_make_sense(shop: Celery, bank: Celery, others: Any, wrong: str) -> None:
    """An app is there once, its options exist, names are unique, and one broker is one kind of broker."""
    with pytest.raises(BadUseError, match=wrong), VirtualCelery(shop, start=NOON, others=others(shop, bank)):
        pass


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("redis://host", "redis://user:secret@host:6379/0", True),
        ("redis://host/0", "redis://host/1", False),
        ("redis://host/0", "redis://host:6380/0", False),
        ("amqp://guest:guest@host//", "amqp://host", True),
        ("amqp://host/one", "amqp://host/two", False),
        ("pyamqp://host//", "amqp://host:5672//", True),
        ("redis://host/0", "amqp://host//", False),
        ("redis://a;redis://b", ["redis://a", "redis://b"], True),
        (None, "amqp://guest@localhost//", True),
    ],
)
def test_one_broker_is_one_place(one: Any, other: Any, same: bool) -> None:
    """Host, port, and database or virtual host; what a URL leaves out has its default."""
    assert (broker_key(one) == broker_key(other)) is same


def test_a_shared_queue_loses_the_other_apps_tasks(transport: str) -> None:
    """On one broker and one queue, a worker throws away what its own app does not define, as in production."""
    one, two = make("one", SHOP), make("two", SHOP)

    @two.task(shared=False, name="only two")
    def only_two() -> None:
        """Never runs."""

    with VirtualCelery(one, start=NOON, transport=transport, others=[two]) as celery:
        only_two.delay()
        celery.run_until_idle()
        assert [(r.kind, r.detail) for r in celery.timeline][1:] == [("rejected", "unknown task")]
