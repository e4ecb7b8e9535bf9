"""What an app adds to Celery's programs runs as there: handlers of signals, bootsteps, options. Guards hold in it."""

from __future__ import annotations

import gc
import socket
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from celery import bootsteps, signals
from celery_rehearsal import BadUseError, RealWorldError, VirtualCelery
from click import Option
from kombu import Consumer, Exchange, Queue

from .conftest import NOON
from .handlers import connected

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

STARTING = ["celeryd_init", "worker_init", "celeryd_after_setup", "worker_ready", "worker_process_init", "beat_init"]
RUNNING = ["task_received", "task_prerun", "task_postrun", "before_task_publish"]
STOPPING = ["worker_shutting_down", "worker_shutdown"]


def open_socket() -> None:
    with socket.socket() as sock:
        sock.connect(("127.0.0.1", 9))


def assert_wrong() -> None:
    assert time.time() == 0


# What code of an app can do that fails the test, and the error.
WRONGS: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "socket": (open_socket, RealWorldError),
    "thread": (lambda: threading.Thread(target=print).start(), RealWorldError),
    "assertion": (assert_wrong, AssertionError),
}


@pytest.mark.parametrize("wrong", WRONGS)
@pytest.mark.parametrize("name", [*STARTING, *RUNNING, *STOPPING])
def test_a_refusal_in_a_signal_handler_fails_the_test(app: Celery, name: str, wrong: str) -> None:
    """Celery logs and forgets what a handler raises. No handler hides what is meant for the test."""
    action, error = WRONGS[wrong]

    def handler(**_arguments: Any) -> None:
        action()

    def use() -> None:
        with VirtualCelery(app, start=NOON) as celery:
            app.tasks["note"].delay()
            celery.advance(seconds=1)
            celery.stop_worker()

    with connected(name, handler), pytest.raises(error):
        use()
    with VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note")


@pytest.mark.parametrize("name", STARTING)
def test_no_code_swallows_a_refusal(app: Celery, name: str) -> None:
    """A handler that catches everything cannot hide it either."""

    def handler(**_arguments: Any) -> None:
        with suppress(BaseException):
            open_socket()

    with connected(name, handler), pytest.raises(RealWorldError), VirtualCelery(app, start=NOON):
        pass


def test_a_receiver_that_dies_in_a_start_leaves_no_trace(app: Celery) -> None:
    """Celery takes a new receiver at the address of a dead one for connected, unless it has cleared the dead one."""

    def dies(**_arguments: Any) -> None: ...

    doomed = [dies]
    signals.worker_init.connect(dies)
    del dies

    def clears(**_arguments: Any) -> None:
        doomed.clear()
        gc.collect()
        signals.worker_init.disconnect(print)

    with connected("celeryd_init", clears), VirtualCelery(app, start=NOON, beats=0):
        pass
    signals.worker_init.disconnect(print)
    receivers = [reference for _key, reference in vars(signals.worker_init)["receivers"]]
    assert all(reference() is not None for reference in receivers if isinstance(reference, weakref.ref))


def test_an_error_of_a_handler_is_logged_as_in_production(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    """Any other exception of a handler stops nothing."""

    def handler(**_arguments: Any) -> None:
        raise ValueError("its own")

    with connected("worker_ready", handler), VirtualCelery(app, start=NOON) as celery:
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.assert_ran("note")
    assert "its own" in caplog.text


def test_a_handler_sends_and_sleeps_as_its_worker(app: Celery) -> None:
    """A message that worker_ready sends is the worker's, and a sleep at the start takes virtual time."""

    def ready(**_arguments: Any) -> None:
        time.sleep(30)
        app.tasks["note"].delay()

    with connected("worker_ready", ready), VirtualCelery(app, start=NOON) as celery:
        assert (celery.now - NOON).total_seconds() == 30
        celery.run_until_idle()
        celery.assert_sent("note", by="worker1")
        celery.assert_ran("note")


def test_a_handler_cannot_move_the_clock(app: Celery) -> None:
    """The test alone moves it."""

    def handler(**_arguments: Any) -> None:
        celery.advance(seconds=1)

    with VirtualCelery(app, start=NOON) as celery, connected("worker_ready", handler):
        celery.stop_worker()
        with pytest.raises(BadUseError, match="may only sleep"):
            celery.start_worker()


def test_options_of_the_app_reach_its_bootsteps(app: Celery) -> None:
    """A worker starts with the defaults of `app.user_options`, as with an empty command line."""
    seen: list[Any] = []

    class Step(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Pool",)

        def __init__(self, parent: Any, greeting: str = "", **options: Any) -> None:
            super().__init__(parent, **options)
            seen.append(greeting)

        def start(self, parent: Any) -> None:
            seen.append(f"start {parent.hostname.partition('@')[0]}")

        def stop(self, parent: Any) -> None:
            seen.append("stop")

    def preload(sender: Any, options: dict[str, Any], **_arguments: Any) -> None:
        seen.append((sender.__name__, options))

    app.user_options["worker"].add(Option(("--greeting",), default="hello"))
    app.user_options["preload"].add(Option(("--team",), default="blue"))
    app.steps["worker"].add(Step)
    with connected("user_preload_options", preload), VirtualCelery(app, start=NOON) as celery:
        assert seen == [("worker", {"team": "blue"}), "hello", "start worker1", ("beat", {"team": "blue"})]
        celery.stop_worker()
        assert seen[-1] == "stop"


def test_a_consumer_step_consumes_its_own_queue(app: Celery, transport: str) -> None:
    """A ConsumerStep of the app gets the messages of a queue that holds no tasks."""
    queue = Queue("raw", Exchange("raw"), "raw")
    bodies: list[Any] = []

    class Step(bootsteps.ConsumerStep):
        def get_consumers(self, channel: Any) -> list[Consumer]:
            return [Consumer(channel, queues=[queue], callbacks=[self.handle], accept=["json"])]

        def handle(self, body: Any, message: Any) -> None:
            bodies.append(body)
            message.ack()

    app.steps["consumer"].add(Step)
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        with app.producer_or_acquire() as producer:
            producer.publish({"a": 1}, exchange=queue.exchange, routing_key="raw", declare=[queue], serializer="json")
        app.tasks["note"].delay()
        celery.run_until_idle()
        assert bodies == [{"a": 1}]
        celery.assert_ran("note")


def test_a_timer_of_a_bootstep_runs_in_virtual_time(app: Celery) -> None:
    """`worker.timer.call_repeatedly` in a step is called at its virtual instants."""
    called: list[float] = []

    class Step(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Timer",)

        def start(self, parent: Any) -> None:
            parent.timer.call_repeatedly(60, lambda: called.append(time.time() - NOON.timestamp()))

    app.steps["worker"].add(Step)
    with VirtualCelery(app, start=NOON, beats=0) as celery:
        celery.advance(minutes=3)
    assert called == [60, 120, 180]


@pytest.mark.parametrize("kind", ["worker", "consumer"])
@pytest.mark.parametrize("wrong", ["socket", "thread"])
def test_a_bootstep_is_guarded(app: Celery, kind: str, wrong: str) -> None:
    """One that opens a socket or starts a thread is refused by the guard, by name."""
    action, error = WRONGS[wrong]

    class Step(bootsteps.StartStopStep):
        def start(self, parent: Any) -> None:
            action()

    app.steps[kind].add(Step)
    with pytest.raises(error, match=f"allow_{wrong}s"), VirtualCelery(app, start=NOON):
        pass


def test_heartbeats_are_sent_where_somebody_listens(app: Celery) -> None:
    """Each two seconds of virtual time, as a handler expects that touches a file for a liveness probe."""
    beats: list[float] = []

    def handler(**_arguments: Any) -> None:
        beats.append(time.time() - NOON.timestamp())

    with connected("heartbeat_sent", handler), VirtualCelery(app, start=NOON) as celery:
        celery.advance(seconds=6)
        celery.assert_idle()
    assert beats == [0, 2, 4, 6]
