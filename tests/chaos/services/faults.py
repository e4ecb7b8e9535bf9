"""What may happen to a deployment in use; all of it must leave the books equal."""

import signal
from collections.abc import Callable
from contextlib import ExitStack

from celery import current_app
from django.db import transaction

from refunds.domain import sweeps

from ..crew import Crew
from . import database_faults, messages
from .own import Redis
from .servers import rabbitmqctl
from .site import Site
from .stage import Stage

# Does it, and says what it did.
Fault = Callable[[Stage], str]
# Seconds that a worker is given to plan a sweep, which may first have to start.
PATIENCE = 30.0
# Seconds in which a worker is to stop: more than any task takes here, and less than a day.
STOPPING = 15.0
# Chunks of a sweep, and messages of each queue that somebody takes hold of at once.
HANDFUL = 20


def kill_child(stage: Stage) -> str:
    """A child of a worker's pool, as the kernel does for memory."""
    name = _one(stage, "worker")
    return f"child of {name} killed" if _crew(stage).kill_child(name, stage.draw.choice) else "no child to kill"


def kill_worker(stage: Stage) -> str:
    """A worker with all its children; another one starts."""
    return _kill(stage, _one(stage, "worker"))


def kill_beat(stage: Stage) -> str:
    """Beat; the next one finds its schedule file."""
    return _kill(stage, _one(stage, "beat"))


def stop_warm(stage: Stage) -> str:
    """SIGTERM: a worker ends what it runs."""
    return _stop(stage, signal.SIGTERM)


def stop_cold(stage: Stage) -> str:
    """SIGQUIT: a worker ends at once."""
    return _stop(stage, signal.SIGQUIT)


def flush_redis(stage: Stage) -> str:
    """FLUSHALL in the middle of a sweep: every message is gone, those that a worker holds included."""
    import redis

    stage.receive(HANDFUL * sweeps.CHUNK_ROWS)
    stage.press()
    with redis.Redis.from_url(_redis(stage).url) as client:
        stage.until("the sweep is planned, or over", stage.is_planned, PATIENCE)
        client.flushall()
    return f"Redis flushed, {stage.chunks_left()} chunks under way"


def restart_redis(stage: Stage) -> str:
    """Redis is away for a while and comes back empty."""
    _redis(stage).stop()
    stage.pass_by(stage.draw.uniform(0.2, 2))
    _redis(stage).start()
    return "Redis away and back empty"


def close_connections(stage: Stage) -> str:
    """RabbitMQ closes every connection to the virtual host."""
    rabbitmqctl("close_all_connections", "--vhost", stage.site.virtual_host, "a scenario")
    return "RabbitMQ's connections closed"


def double_messages(stage: Stage) -> str:
    """Messages come twice and in another order: those of a sweep that is planned while the workers stand still."""
    stage.receive(HANDFUL * sweeps.CHUNK_ROWS)
    with ExitStack() as stack:
        stage.insist(lambda: _stop_workers(stage, stack))
        stage.plan(stage.press())
        found = messages.take(current_app, HANDFUL)
        stage.kept += found
        twice = found * 2
        stage.draw.shuffle(twice)
        messages.put(current_app, twice)
    return f"{len(found)} messages doubled and shuffled"


def _stop_workers(stage: Stage, stack: ExitStack) -> None:
    """Have the workers stand still until the stack is left, none of them while it is SQLite's writer.

    A stopped writer would lock the database for everybody: this process holds the lock while it stops them.
    """
    with transaction.atomic():
        stack.enter_context(_crew(stage).standing_still("worker"))


def late_messages(stage: Stage) -> str:
    """What has been seen before comes once more, some of it without its expiry."""
    again = [stage.draw.choice((raw, raw.timeless())) for raw in stage.kept]
    return f"{messages.put(current_app, again)} messages come late"


def _one(stage: Stage, kind: str) -> str:
    return stage.draw.choice([name for name in _crew(stage).running if name.startswith(kind)])


def _kill(stage: Stage, name: str) -> str:
    _crew(stage).kill(name)
    _crew(stage).start_again(name)
    return f"{name} killed"


def _stop(stage: Stage, by: signal.Signals) -> str:
    name = _one(stage, "worker")
    ended = _crew(stage).stop(name, by, STOPPING)
    _crew(stage).start_again(name)
    return f"{name} stopped by {by.name}" + ("" if ended else f", and killed after {STOPPING:.0f} s")


def _crew(stage: Stage) -> Crew:
    assert isinstance(stage.crew, Crew), "processes are what can be killed"
    return stage.crew


def _redis(stage: Stage) -> Redis:
    assert stage.site.redis, "a Redis of its own is what can be stopped"
    return stage.site.redis


PROCESSES: tuple[Fault, ...] = (kill_child, kill_worker, kill_beat, stop_warm, stop_cold)
MESSAGES: tuple[Fault, ...] = (double_messages, late_messages)
REDIS: tuple[Fault, ...] = (flush_redis, restart_redis)
RABBITMQ: tuple[Fault, ...] = (close_connections,)
POSTGRES: tuple[Fault, ...] = (
    database_faults.cut_connections,
    database_faults.restart_postgres,
    database_faults.deadlock,
    database_faults.serialization,
)


def possible(site: Site) -> tuple[Fault, ...]:
    """All that can happen to such a deployment."""
    redis = REDIS if site.redis and site.kind.broker == "redis" else ()
    rabbitmq = RABBITMQ if site.virtual_host else ()
    postgres = POSTGRES if site.postgres else ()
    return (*PROCESSES, *MESSAGES, *redis, *rabbitmq, *postgres)
