"""What the worker's consumer and its remote control leave out, and what they log."""

import logging
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock, patch

import pytest
from celery import current_app
from celery.app.control import Control as Celerys
from celery.signals import task_rejected, task_unknown
from kombu import Connection
from kombu.message import Message
from pytest_django import Settings

from refunds.worker.consumer import Consumer
from refunds.worker.control import Control
from refunds.worker.transport import guarded

LONG = "x" * 1_000_000


@pytest.fixture
def consumer() -> Consumer:
    """Return a consumer that is not connected."""
    parts = {"pool": Mock(num_processes=1, is_green=False), "controller": Mock(use_eventloop=False), "timer": Mock()}
    return Consumer(Mock(), hostname="w@here", app=current_app, **parts)


def message(**options: Any) -> Any:
    """Return a message with a channel that takes its rejection."""
    return Message(channel=Mock(no_ack_consumers=None), delivery_tag="tag", **options)


def assert_one_line(caplog: pytest.LogCaptureFixture, start: str, length: int) -> None:
    (record,) = caplog.records
    assert record.getMessage().startswith(start)
    assert len(record.getMessage()) < length
    assert record.exc_info is None


def test_gossip_and_mingle_are_off(consumer: Consumer) -> None:
    """They read what others publish, without a check, whatever the command line says."""
    blueprint: Any = consumer.blueprint
    running = {type(step).__name__ for step in blueprint.order if step.include_if(consumer)}
    assert running.isdisjoint({"Gossip", "Mingle"})


def test_unknown_task_is_one_short_line(consumer: Consumer, caplog: pytest.LogCaptureFixture) -> None:
    """It has the name and the id, and no headers, all of which Celery would log. The signal is sent."""
    received = Mock()
    task_unknown.connect(received)
    sent = message(headers={"task": "no.such", "id": "id-1", "x": LONG}, body=LONG)
    with caplog.at_level(logging.ERROR):
        consumer.on_unknown_task(None, sent, KeyError("no.such"))
    assert_one_line(caplog, "Received unregistered task of type 'no.such', id 'id-1': refused.", 1_024)
    sent.channel.basic_reject.assert_called_once_with("tag", requeue=False)
    assert received.call_args.kwargs["name"] == "no.such"


REFUSALS: dict[str, Callable[[Consumer, Message], None]] = {
    "invalid": lambda consumer, sent: consumer.on_invalid_task(None, sent, ValueError(LONG)),
    "not decoded": lambda consumer, sent: consumer.on_decode_error(sent, ValueError(LONG)),
    "unknown": lambda consumer, sent: consumer.on_unknown_message(None, sent),
}


@pytest.mark.parametrize("refuse", REFUSALS.values(), ids=REFUSALS)
def test_refused_message_is_one_short_line(consumer: Consumer, caplog: pytest.LogCaptureFixture, refuse: Any) -> None:
    """It has the reason, cut, and the first kilobyte of the body, and no traceback, which would quote the message."""
    received = Mock()
    task_rejected.connect(received)
    with caplog.at_level(logging.ERROR):
        refuse(consumer, message(headers={"x": LONG}, body=LONG.encode()))
    assert_one_line(caplog, "Received invalid task message: ", 1_500)
    assert len(str(received.call_args.kwargs["exc"])) <= 300


def test_guard_survives_a_change_of_broker(consumer: Consumer) -> None:
    """kombu goes to another URL by setting its transport again; the connection still makes a guarded one."""
    connection: Any = Connection("redis://one.invalid/0;redis://two.invalid/0")
    consumer.app = Mock(**{"connection_for_read.return_value": connection})
    vars(consumer)["ensure_connected"] = lambda made: made
    made = consumer.connection_for_read()
    assert made.get_transport_cls().__name__ == "GuardedTransport"
    made.switch("amqp://three.invalid//")
    transport = made.get_transport_cls()
    assert (transport.__name__, transport.driver_type) == ("GuardedTransport", "amqp")


def test_memory_transport_is_not_guarded() -> None:
    """No other process writes to it."""
    transport = Connection("memory://").get_transport_cls()
    assert guarded(transport) is transport


@pytest.mark.parametrize("is_on", [False, True])
def test_command_warns_where_remote_control_is_off(
    caplog: pytest.LogCaptureFixture, settings: Settings, is_on: bool
) -> None:
    """The warning names the setting, and the command is still sent. Celery alone only says that no node replied."""
    # Django's setting: up to Celery 5.6 it wins over a change of app.conf.
    settings.CELERY_WORKER_ENABLE_REMOTE_CONTROL = is_on
    with patch.object(Celerys, "broadcast", return_value=[]) as sent, caplog.at_level(logging.WARNING):
        assert Control(app=current_app).broadcast("ping", reply=True) == []
    sent.assert_called_once_with("ping", reply=True)
    assert ("set CELERY_WORKER_ENABLE_REMOTE_CONTROL " in caplog.text) is not is_on
