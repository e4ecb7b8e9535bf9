"""Whose worker consumes which queue, of which broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BadUseError
from .members import EVERY
from .places import PORTS, broker_key, local, redis_places
from .stage import check_queues

if TYPE_CHECKING:
    from .broker import Broker, Tap
    from .members import Part
    from .process import Processes
    from .workers import Worker


class Crew:
    """Mixed into `VirtualCelery`. `_queues` are those with which each worker starts, whether it runs or not."""

    workers: dict[str, Worker]
    _parts: list[Part]
    _owner: dict[str, Part]
    _queues: dict[str, list[str]]
    _every: set[str]
    _servers: dict[Any, Any]

    @property
    def apps(self) -> list[Any]:
        """The cluster's apps, the main one first."""
        return [part.app for part in self._parts]

    @property
    def brokers(self) -> list[Broker]:
        """The brokers of the cluster's apps; apps with one URL share one."""
        found = [part.broker for part in self._parts]
        return [broker for place, broker in enumerate(found) if broker not in found[:place]]

    def redis_server(self, host: str | None, port: int | None) -> Any:
        """The fake Redis at an address: a broker of the cluster, or one for results and schedules alone."""
        wanted = local(host), int(port or PORTS["redis"])
        if wanted not in self._servers:
            from fakeredis import FakeServer

            brokers = {
                (local(place[1]), place[2]): part.broker
                for part in self._parts
                for place in broker_key(part.app.conf.broker_write_url)
            }
            self._servers[wanted] = getattr(brokers.get(wanted), "server", None) or FakeServer()
        return self._servers[wanted]

    def named_redis(self, host: str | None, port: int | None) -> Any:
        """The fake Redis at an address that an app of the cluster names in its settings; None for any other."""
        wanted = local(host), int(port or PORTS["redis"])
        named = {place for part in self._parts for place in redis_places(part.app, hasattr(part.broker, "server"))}
        return self.redis_server(*wanted) if wanted in named else None

    def redis(self, db: int = 0, *, decode_responses: bool = False) -> Any:
        """Return a redis-py client on the main app's Redis: its broker, or else its result backend.

        Raises BadUseError where neither is one.
        """
        server = getattr(self.brokers[0], "server", None)
        if server is None:
            places = redis_places(self.apps[0], broker=False, others=False)
            if not places:
                raise BadUseError(
                    "redis(): neither the app's broker nor its result backend is a Redis; give the cluster "
                    'transport="fakeredis" or result_backend="redis://"'
                )
            server = self.redis_server(*places[0])
        from .redis_pools import new_client

        return new_client(server, db=db, decode_responses=decode_responses)

    def consumes(self, tap: Tap, queue: str) -> bool:
        """Whether a worker consumes a queue, or would if it were not down. One with every queue starts to."""
        crew = {name: self.workers.get(name) for name in self._queues if self.broker_of(name).tap is tap}
        for name, member in crew.items():
            if name in self._every and queue not in self._queues[name]:
                self._queues[name].append(queue)
                if member is not None:
                    member.consume(queue)
        return any(
            queue in self._queues[name] if worker is None else worker.consumes(queue) for name, worker in crew.items()
        )

    def queues_of_workers(self) -> dict[str, list[str]]:
        """Queues by worker: what a running one consumes, and what one that is down would."""
        running = {name: worker.consumed() for name, worker in self.workers.items()}
        return {name: running.get(name, queues) for name, queues in self._queues.items()}

    def broker_of(self, name: str) -> Broker:
        """The broker of a worker."""
        return self._owner[name].broker

    def processes_of(self, app: Any) -> Processes:
        """The processes of an app."""
        return next(part.processes for part in self._parts if part.app is app)

    def is_consumed_now(self, broker: Broker, queue: str) -> bool:
        """Whether a running worker consumes a queue."""
        return any(w.consumes(queue) for w in self.workers.values() if self.broker_of(w.name) is broker)

    def _enlist(self) -> None:
        for part in self._parts:
            known = part.app.amqp.queues
            # Before a look at the wanted queues, because the look declares them.
            declared, default = list(known), list(known.consume_from)
            for name, queues in part.worker_queues(default).items():
                self._enrol(name, part, queues, declared)

    def _enrol(self, name: str, part: Part, queues: list[str], declared: list[str]) -> None:
        self._every.discard(name)
        if queues == [EVERY]:
            self._every.add(name)
            queues = declared
        check_queues(part.app, queues)
        self._owner[name], self._queues[name] = part, list(queues)
