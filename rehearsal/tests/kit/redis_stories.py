"""What a program of kombu sees of Redis: the same program on a real server and on the kit's."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import time_machine
from kombu import Exchange, Queue
from kombu.utils.scheduling import round_robin_cycle

from .redis_program import Program

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds, longer than a story takes on a busy machine.
TIMEOUT = 3600

# A fanout channel of Redis is heard in each of its databases, where its prefix does not say one.
NEWS = f"news-{uuid.uuid4()}"

_round_robin: Any = round_robin_cycle


class ShortestFirst(_round_robin):  # type: ignore[misc] # kombu's types do not fit what it does
    """An order of one's own: the queue with the shortest name first."""

    def consume(self, n: int) -> list[str]:
        return sorted(self.items[:n], key=len)


@dataclass(frozen=True)
class Story:
    """A program, and the transport options that it runs with."""

    play: Callable[[Program], Any]
    options: dict[str, Any] = field(default_factory=dict)


def backlog(program: Program) -> Any:
    """Six messages of three priorities wait in two queues when the consumer comes."""
    for priority in (9, 0, 3):
        for queue in ("a", "bb"):
            program.send(queue, priority, priority=priority)
    program.consumer("bb", "a")
    return program.taken


def idle(program: Program) -> Any:
    """A consumer waits; then messages come, the least urgent first."""
    waiting = program.consumer("a")
    for priority in (9, 6, 3, 0):
        program.send("a", priority, priority=priority)
    program.drain(waiting)
    return program.bodies()


def turns(program: Program) -> Any:
    """Three messages wait in each of three queues."""
    for queue in ("ccc", "a", "bb"):
        program.send(queue, 1, 2, 3)
    program.consumer("ccc", "a", "bb")
    return [queue for queue, _body in program.taken]


def two_wait(program: Program) -> Any:
    """Two consumers wait for one queue; who waits longest is served first."""
    consumers = [program.consumer("a", ack=False), program.consumer("a", ack=False)]
    program.send("a", 1, 2, 3)
    shares = []
    for consumer in consumers * 2:
        before = len(program.taken)
        program.drain(consumer, times=1)
        shares.append(program.bodies()[before:])
    return shares


def prefetch(program: Program) -> Any:
    """A consumer takes no more than its prefetch; the next takes the rest, and an ack makes room."""
    program.send("a", 1, 2, 3, 4, 5)
    first = program.consumer("a", prefetch=2, ack=False)
    program.consumer("a", prefetch=2, ack=False)
    program.messages[0].ack()
    program.drain(first)
    return program.bodies()


def reject(program: Program) -> Any:
    """A message is given back: it comes after those that wait, and is marked."""
    program.send("a", 1, 2)
    first = program.consumer("a", prefetch=1, ack=False)
    program.messages[0].requeue()
    program.drain(first)
    program.messages[1].ack()
    program.drain(first)
    return program.bodies(), [bool(message.delivery_info.get("redelivered")) for message in program.messages]


def reject_for_good(program: Program) -> Any:
    """A message is rejected and not given back: nothing is left of it."""
    program.send("a", 1)
    program.consumer("a", ack=False)
    program.messages[0].reject()
    return program.keys()


def shutdown(program: Program) -> Any:
    """A consumer closes its connection with three messages unacked: they come back before those that wait."""
    program.send("a", 1, 2, 3, 4)
    program.release(program.consumer("a", prefetch=3, ack=False))
    program.consumer("a")
    return program.bodies()


def overdue(program: Program) -> Any:
    """What is unacked for longer than the visibility timeout is delivered again, with its priority, and marked."""
    program.send("a", 1, 2)
    program.send("a", 0, priority=0)
    program.send("a", 9, priority=9)
    dead = program.consumer("a", ack=False)
    held = len(program.taken)
    program.sweep(dead)
    program.drain(dead)
    early = len(program.taken) - held
    program.pass_by(TIMEOUT + 1)
    before = program.keys()
    program.sweep(dead)
    program.drain(dead)
    redelivered = [message.delivery_info.get("redelivered") for message in program.messages[held:]]
    return early, before, program.bodies()[held:], redelivered


def limit(program: Program) -> Any:
    """One sweep brings back as many as the limit says."""
    program.send("a", 1, 2, 3)
    dead = program.consumer("a", ack=False)
    held = len(program.taken)
    program.pass_by(TIMEOUT + 1)
    program.sweep(dead)
    program.drain(dead)
    return program.bodies()[held:]


def keys(program: Program) -> Any:
    """The keys that hold messages, and how many are in each."""
    exchange = Exchange("x", type="direct")
    program.send(Queue("a", exchange, "k"), 1)
    program.send(Queue("a", exchange, "k"), 2, priority=5)
    program.consumer(Queue("a", exchange, "k"), prefetch=1, ack=False)
    return program.keys()


def sizes(program: Program) -> Any:
    """A queue's size, of all priorities, and a purge."""
    program.send("a", 1, 2)
    program.send("a", 3, priority=9)
    connection = program.connection()
    channel = connection.default_channel
    return count(connection), channel.queue_purge("a"), channel.queue_purge("a")


def count(connection: Any) -> Any:
    """How many messages a queue has; kombu finds none under a prefix."""
    try:
        return connection.default_channel.queue_declare("a", passive=True).message_count
    except connection.channel_errors as error:
        return str(error).partition(":")[0]


def missing(program: Program) -> Any:
    """A passive look at a queue without messages finds none."""
    return count(program.connection())


def fanout(program: Program) -> Any:
    """Two consumers hear a broadcast; a third comes too late."""
    exchange = Exchange(NEWS, type="fanout")
    for name in ("one", "two"):
        program.consumer(Queue(name, exchange, auto_delete=True))
    program.send(Queue("one", exchange), 1, routing_key="")
    program.consumer(Queue("three", exchange, auto_delete=True))
    for connection in program.connections:
        if not connection._closed:
            program.drain(connection)
    return program.taken, program.keys()


def patterns(program: Program) -> Any:
    """A fanout exchange with patterns: who binds with another key hears nothing."""
    exchange = Exchange(NEWS, type="fanout")
    for name, key in (("one", "uk.*"), ("two", "fr"), ("three", "")):
        program.consumer(Queue(name, exchange, key))
    program.send(Queue("four", exchange, "uk.kyiv"), 1, routing_key="uk.kyiv")
    for connection in list(program.connections):
        if not connection._closed:
            program.drain(connection)
    return program.taken


def topic(program: Program) -> Any:
    """A topic exchange: one word, any words, and a word too many."""
    exchange = Exchange("news", type="topic")
    queues = [Queue(name, exchange, key) for name, key in (("one", "uk.*"), ("all", "uk.#"), ("no", "uk"))]
    for queue in queues:
        program.consumer(queue)
    program.send(queues[0], 1, routing_key="uk.kyiv")
    program.send(queues[0], 2, routing_key="uk.kyiv.centre")
    for connection in list(program.connections):
        if not connection._closed:
            program.drain(connection)
    return sorted(program.taken)


STORIES = {
    "backlog": Story(backlog),
    "backlog, own steps": Story(backlog, {"priority_steps": [0, 9]}),
    "backlog, as declared": Story(backlog, {"queue_order_strategy": "priority"}),
    "backlog, sorted": Story(backlog, {"queue_order_strategy": "sorted"}),
    "idle": Story(idle),
    "turns": Story(turns),
    "turns, as declared": Story(turns, {"queue_order_strategy": "priority"}),
    "turns, sorted": Story(turns, {"queue_order_strategy": "sorted"}),
    "turns, an own class": Story(turns, {"queue_order_strategy": ShortestFirst}),
    "turns, a prefix": Story(turns, {"global_keyprefix": "ours:"}),
    "backlog, a prefix": Story(backlog, {"global_keyprefix": "ours:"}),
    "two wait": Story(two_wait),
    "two wait, a prefix": Story(two_wait, {"global_keyprefix": "ours:"}),
    "prefetch": Story(prefetch),
    "reject": Story(reject),
    "reject for good": Story(reject_for_good),
    "shutdown": Story(shutdown),
    "shutdown, no acks": Story(shutdown, {"ack_emulation": False}),
    "overdue": Story(overdue, {"visibility_timeout": TIMEOUT}),
    "overdue, a prefix": Story(overdue, {"visibility_timeout": TIMEOUT, "global_keyprefix": "ours:"}),
    "overdue, a longer timeout": Story(overdue, {"visibility_timeout": 2 * TIMEOUT}),
    "overdue, own keys": Story(
        overdue, {"visibility_timeout": TIMEOUT, "unacked_key": "out", "unacked_index_key": "outs"}
    ),
    "limit": Story(limit, {"visibility_timeout": TIMEOUT, "unacked_restore_limit": 2}),
    "keys": Story(keys),
    "keys, a separator": Story(keys, {"sep": ":"}),
    "keys, a prefix": Story(keys, {"global_keyprefix": "ours:"}),
    "keys, no acks": Story(keys, {"ack_emulation": False}),
    "keys, own steps": Story(keys, {"priority_steps": list(range(10))}),
    "sizes": Story(sizes),
    "sizes, a prefix": Story(sizes, {"global_keyprefix": "ours:"}),
    "missing": Story(missing),
    "fanout": Story(fanout),
    "fanout, no prefix": Story(fanout, {"fanout_prefix": False}),
    "fanout, own prefix": Story(fanout, {"fanout_prefix": "/ours."}),
    "fanout, a prefix of keys": Story(fanout, {"global_keyprefix": "ours:"}),
    "patterns": Story(patterns),
    "patterns, off": Story(patterns, {"fanout_patterns": False}),
    "topic": Story(topic),
}


def play(story: Story, program: Program) -> Any:
    """What the story's program sees."""
    program.options = story.options
    try:
        with time_machine.travel(time.time()) as clock:
            program.pass_by = clock.shift
            return story.play(program)
    finally:
        for connection in program.connections:
            program.release(connection)
