"""What a program of kombu sees of RabbitMQ: the same program on a real server and on "memory"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu import Queue

from .rabbit_program import Program

if TYPE_CHECKING:
    from collections.abc import Callable


# Seconds that a message lives.
LIFETIME = 0.2


def backlog(program: Program) -> Any:
    """Messages of several priorities wait: above the queue's highest, and none at all."""
    queue = program.queue("a", max_priority=5)
    for priority in (None, 1, 5, 9, 0, 7):
        program.send(queue, priority, priority=priority)
    program.consumer(queue)
    return program.bodies()


def no_priorities(program: Program) -> Any:
    """A queue without x-max-priority keeps the order of sending."""
    queue = program.queue("a")
    for priority in (0, 9, 5):
        program.send(queue, priority, priority=priority)
    program.consumer(queue)
    return program.bodies()


def idle(program: Program) -> Any:
    """A consumer with a prefetch of two waits; then messages come, the least urgent first."""
    queue = program.queue("a", queue_arguments={"x-max-priority": 10})
    waiting = program.consumer(queue, prefetch=2, ack=False)
    for priority in (1, 2, 3, 9):
        program.send(queue, priority, priority=priority)
    program.drain(waiting)
    for message in list(program.messages):
        message.ack()
    program.drain(waiting)
    return program.bodies()


def shares(program: Program) -> Any:
    """Two consumers wait; each has its share, in turns, up to its prefetch."""
    queue = program.queue("a")
    consumers = [program.consumer(queue, prefetch=2, ack=False) for _ in range(2)]
    program.send(queue, 1, 2, 3, 4, 5)
    got = []
    for consumer in consumers:
        before = len(program.taken)
        program.drain(consumer)
        got.append(program.bodies()[before:])
    program.messages[-1].ack()
    program.drain(consumers[1])
    return got, program.bodies()[-1], program.size(queue)


def reject(program: Program) -> Any:
    """A message is given back: it comes again, and is marked.

    With others ready, a server is free to send one of them first: several runs differ.
    """
    queue = program.queue("a")
    program.send(queue, 1, 2)
    first = program.consumer(queue, prefetch=2, ack=False)
    program.messages[0].requeue()
    program.drain(first)
    return program.taken


def reject_for_good(program: Program) -> Any:
    """A message is rejected and not given back: the next one comes."""
    queue = program.queue("a")
    program.send(queue, 1, 2)
    first = program.consumer(queue, prefetch=1, ack=False)
    program.messages[0].reject()
    program.drain(first)
    return program.taken, program.size(queue)


def lost(program: Program) -> Any:
    """A connection ends with messages unacked, read and unread: they come back in their places, and are marked."""
    queue = program.queue("a", max_priority=3)
    for body, priority in ((1, 0), (2, 3), (3, 0), (4, 3)):
        program.send(queue, body, priority=priority)
    dead = program.consumer(queue, prefetch=3, ack=False)
    program.drain(dead)
    dead.release()
    program.send(queue, 5, priority=2)
    program.consumer(queue)
    return program.taken


def unread(program: Program) -> Any:
    """A connection ends before it has read what the server handed to it."""
    queue = program.queue("a")
    waiting = program.consumer(queue, prefetch=1, ack=False)
    program.send(queue, 1, 2)
    waiting.release()
    program.consumer(queue)
    return program.taken


def purge(program: Program) -> Any:
    """A purge spares what a consumer holds; what is held is not counted."""
    queue = program.queue("a")
    program.send(queue, 1, 2, 3)
    connection = program.consumer(queue, prefetch=1, ack=False)
    size = program.size(queue)
    purged = connection.default_channel.queue_purge(queue.name)
    program.messages[0].requeue()
    program.drain(connection)
    return size, purged, program.taken


def expires(program: Program) -> Any:
    """Messages expire in their queue, by their own time or the queue's; what has none before them hides them."""
    own, hidden, given = program.queue("own"), program.queue("hidden"), program.queue("given", message_ttl=LIFETIME)
    program.send(own, 1, 2, expiration=LIFETIME)
    program.send(hidden, 3)
    program.send(hidden, 4, expiration=LIFETIME)
    program.send(given, 5)
    program.pass_by(LIFETIME, own, given)
    sizes = [program.size(queue) for queue in (own, hidden, given)]
    program.consumer(own, hidden, given)
    return sizes, program.taken


def expires_at_once(program: Program) -> Any:
    """A message that may not wait reaches the consumer that does, and nobody else."""
    queue = program.queue("a")
    program.send(queue, 1, expiration=0)
    waiting = program.consumer(queue, prefetch=1, ack=False)
    program.send(queue, 2, 3, expiration=0)
    program.drain(waiting)
    program.messages[0].ack()
    program.drain(waiting)
    return program.taken


def expires_held(program: Program) -> Any:
    """A message that a consumer holds does not expire; given back after its time it is gone."""
    queue = program.queue("a")
    # It waits before they are sent, so they reach it at once.
    holder = program.consumer(queue, prefetch=2, ack=False)
    program.send(queue, 1, 2, expiration=LIFETIME)
    program.drain(holder)
    program.pass_by(LIFETIME)
    program.messages[0].requeue()
    program.drain(holder)
    return program.taken, program.size(queue)


def missing(program: Program) -> Any:
    """A message to a queue that nobody declared is gone, and there is no such queue."""
    queue = program.queue("a")
    with program._connect() as connection, connection.Producer() as producer:
        producer.publish(1, routing_key=queue.name)
    before = program.size(queue)
    program.consumer(queue)
    return before, program.taken


def auto_delete(program: Program) -> Any:
    """A queue that lives as long as its consumers is gone with them, messages included."""
    queue = program.queue("a", auto_delete=True)
    waiting = program.consumer(queue, prefetch=1, ack=False)
    program.send(queue, 1, 2)
    waiting.release()
    after = program.size(queue)
    program.consumer(queue)
    return after, program.taken


def other_arguments(program: Program) -> Any:
    """A queue that is declared again with other arguments is refused."""
    queue = program.queue("a", max_priority=3)
    program.send(queue, 1)
    connection = program.connection()
    try:
        Queue(queue.name, max_priority=4)(connection.default_channel).declare()
    except connection.channel_errors as error:
        return type(error).__name__


def exchanges(program: Program) -> Any:
    """Direct, topic and fanout: which queue hears which key. A queue bound twice gets one copy."""
    direct, topic, fanout = (program.exchange(kind) for kind in ("direct", "topic", "fanout"))
    bindings = [("one", direct, "k"), ("two", direct, "k"), ("no", direct, "l")]
    bindings += [("word", topic, "uk.*"), ("words", topic, "uk.#"), ("all", topic, "#"), ("middle", topic, "*.kyiv.*")]
    bindings += [("first", fanout, ""), ("second", fanout, "whatever")]
    queues = [program.queue(name, exchange, key) for name, exchange, key in bindings]
    connections = [program.consumer(queue) for queue in queues]
    program.send(queues[0], 1, key="k")
    for key in ("uk.kyiv", "uk.kyiv.centre", "uk.kyiv.centre.east"):
        program.send(queues[3], len(key), key=key)
    program.send(queues[-1], 0, key="ignored")
    for connection in connections:
        program.drain(connection)
    return sorted(program.taken)


def copies(program: Program) -> Any:
    """One message in two queues: one copy is rejected and comes back to its queue alone."""
    topic = program.exchange("topic")
    queues = [program.queue(name, topic, "uk.#") for name in ("one", "two")]
    connection = program.consumer(*queues, ack=False)
    program.send(queues[0], 1, key="uk.kyiv")
    program.drain(connection)
    first = next(m for m, taken in zip(program.messages, program.taken, strict=True) if taken[0] == "one")
    first.requeue()
    program.drain(connection)
    return sorted(program.taken)


STORIES = {
    story.__name__: story
    for story in (
        backlog,
        no_priorities,
        idle,
        shares,
        reject,
        reject_for_good,
        lost,
        unread,
        purge,
        expires,
        expires_at_once,
        expires_held,
        missing,
        auto_delete,
        other_arguments,
        exchanges,
        copies,
    )
}


def play(name: str, connect: Callable[[], Any], shift: Callable[[float], None] | None = None) -> Any:
    """What the story's program sees."""
    program = Program(connect, shift)
    try:
        return STORIES[name](program)
    finally:
        program.close()
