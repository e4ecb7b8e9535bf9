"""What a broker promises of a message, seen without Celery: after a kill, when it expires, by priority."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from kombu import Connection, Exchange, Queue

from lesson.worker import LONG

from .places import SERVER, Places, broker_in_memory, lack

pytestmark = pytest.mark.services

# How often a broker is asked for what is on its way: far more often than it takes.
TRIES = 100_000
# Takes a message, and dies with it.
VICTIM = """
import json, os, signal, sys
from kombu import Connection
url, options, queue, arguments = json.loads(sys.argv[1])
connection = Connection(url, transport_options=options)
connection.SimpleQueue(queue, queue_args=arguments).get(timeout=60)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Letterbox:
    """A queue of a broker, empty at first and gone afterwards."""

    def __init__(self, broker: str, places: Places, arguments: dict[str, Any]) -> None:
        self.url, settings = places.broker(broker)
        # RabbitMQ has a message before it is asked about it; other brokers do not know this word.
        self.options: dict[str, Any] = {"confirm_publish": True, **settings.get("broker_transport_options", {})}
        self.arguments = {"x-queue-type": "quorum"} if broker == "quorum" else arguments
        self.connection = Connection(self.url, transport_options=self.options)
        self.channel: Any = self.connection.default_channel
        self.queue = Queue("letters", Exchange("letters"), "letters", queue_arguments=self.arguments)(self.channel)
        self.queue.declare()

    def put(self, body: str, **options: Any) -> None:
        """Send a message."""
        with self.connection.Producer(self.channel) as producer:
            producer.publish(body, exchange="letters", routing_key="letters", **options)

    def take(self) -> Any:
        """The next message, acknowledged."""
        message = next(filter(None, (self.queue.get() for _ in range(TRIES))))
        message.ack()
        return message

    def count(self) -> int:
        """How many messages wait."""
        return int(self.channel.queue_declare("letters", passive=True).message_count)

    def close(self) -> None:
        """Take the queue away."""
        self.queue.delete()
        self.connection.close()


@pytest.fixture
def letters(request: pytest.FixtureRequest, places: Places) -> Iterator[Letterbox]:
    """A queue of the broker that the test is given, with the arguments that it is given."""
    broker, arguments = request.param
    if reason := lack(SERVER[broker]) if broker in SERVER else "":
        pytest.skip(reason)
    with broker_in_memory():
        box = Letterbox(broker, places, arguments)
        yield box
        box.close()


def on(*brokers: str, **arguments: Any) -> pytest.MarkDecorator:
    """Run on these brokers, with these arguments for the queue."""
    given = {name.replace("_", "-"): value for name, value in arguments.items()}
    return pytest.mark.parametrize("letters", [(broker, given) for broker in brokers], indirect=True, ids=brokers)


def _killed_with_a_message(letters: Letterbox) -> None:
    letters.put("held")
    given = json.dumps([letters.url, letters.options, "letters", letters.arguments])
    victim = subprocess.run([sys.executable, "-c", VICTIM, given], timeout=LONG, check=False)
    assert victim.returncode == -signal.SIGKILL


@on("rabbitmq", "quorum")
def test_rabbitmq_gives_what_a_killed_process_held_to_the_next(letters: Letterbox) -> None:
    """At once, and marked: the connection that breaks is all that RabbitMQ waits for."""
    _killed_with_a_message(letters)

    again = letters.take()

    assert again.payload == "held"
    assert again.delivery_info["redelivered"] is True


@on("fakeredis", "redis")
def test_redis_keeps_what_a_killed_process_held(letters: Letterbox) -> None:
    """It lies in `unacked`, and comes again when the visibility timeout has passed, an hour by default."""
    _killed_with_a_message(letters)

    assert letters.queue.get() is None
    with redis.Redis.from_url(letters.url) as client:
        assert client.hlen(f"{letters.options.get('global_keyprefix', '')}unacked") == 1
        client.delete(f"{letters.options.get('global_keyprefix', '')}unacked")


@on("rabbitmq", "quorum")
def test_rabbitmq_drops_what_has_expired(letters: Letterbox) -> None:
    """`expires` is a time to live as well: no worker sees the message, so that no task is REVOKED."""
    letters.put("late", expiration=0)

    # A quorum queue still gives it to a client that asks within the same moment.
    assert any(letters.count() == 0 for _ in range(TRIES))
    assert letters.queue.get() is None


@on("memory", "fakeredis", "redis")
def test_other_brokers_leave_it_to_the_worker(letters: Letterbox) -> None:
    """An expired message stays, and it is the worker that looks at `expires`."""
    letters.put("late", expiration=0)

    assert letters.take().payload == "late"


@on("rabbitmq", x_max_priority=9)
def test_nine_is_the_highest_priority_on_rabbitmq(letters: Letterbox) -> None:
    """In a classic queue that is declared with `x-max-priority`."""
    letters.put("low", priority=0)
    letters.put("high", priority=9)

    assert [letters.take().payload, letters.take().payload] == ["high", "low"]


@on("fakeredis", "redis")
def test_zero_is_the_highest_priority_on_redis(letters: Letterbox) -> None:
    """kombu makes a list for each of a few steps, and reads that of 0 first."""
    letters.put("nine", priority=9)
    letters.put("zero", priority=0)

    assert [letters.take().payload, letters.take().payload] == ["zero", "nine"]


@on("memory", "rabbitmq")
def test_priority_is_nothing_where_nobody_asked_for_it(letters: Letterbox) -> None:
    """In memory, and in a classic queue without `x-max-priority`, messages come as they were sent."""
    letters.put("low", priority=0)
    letters.put("high", priority=9)

    assert [letters.take().payload, letters.take().payload] == ["low", "high"]
