"""The ways to approve all: what the admin's request calls, which workers do the rest, and what is expected of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

PEERS = "benchmarks.peers"
DJANGO = {"DJANGO_SETTINGS_MODULE": f"{PEERS}.tutorial.settings"}
# A worker of two processes, with the level of logging that Celery's documentation has.
POOL = ("worker", "--concurrency", "2", "--loglevel", "INFO")
TUTORIAL = (("celery", "-A", f"{PEERS}.tutorial", *POOL),)


@dataclass(frozen=True)
class Way:
    """`view` is what the request calls; `workers` are commands, `before` one that prepares the database.

    Commands are what follows `python -m`. Of all rows it is given one in `share`, so that no way takes minutes; `wants`
    is the package that it is made of. `goal`: how many times its rate this project's rate is to be.
    """

    name: str
    view: str
    workers: tuple[tuple[str, ...], ...]
    share: int = 1
    wants: str = "celery"
    before: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    goal: float | None = None

    @property
    def lacks(self) -> str:
        """The package that is not installed here, or nothing."""
        return "" if find_spec(self.wants) else self.wants


OURS = Way(
    "this project",
    "ours:press",
    (("celery", "-A", "celery_app", *POOL, "-Q", "decisions"),),
    settings={"DJANGO_SETTINGS_MODULE": "refunds.project.settings"},
)


def _tutorial(name: str, view: str, share: int, goal: float | None = None) -> Way:
    return Way(f"Celery, {name}", f"tutorial.views:{view}", TUTORIAL, share, settings=DJANGO, goal=goal)


def _rq(name: str, share: int, *words: str) -> Way:
    # Its settings' module has the job's module loaded before RQ forks for each job.
    pool = ("rq.cli", "worker-pool", "--num-workers", "2", "--config", f"{PEERS}.with_rq", *words)
    return Way(name, "with_rq:press", (pool,), share, wants="rq")


OTHERS = (
    _tutorial("delay() a row, ORM", "each_with_orm", 10, 1_000),
    _tutorial("delay() a row, SQL by Django's connection", "each_with_sql", 10, 250),
    _tutorial("delay() a row, SQL by a kept connection", "each_with_kept", 5, 250),
    _tutorial("delay() a row, SQL by a kept connection, no results", "each_without_result", 5),
    _tutorial("group() of rows, SQL by a kept connection", "group_of_all", 5),
    _tutorial("chunks() of 10 rows, SQL by a kept connection", "chunks_of_ten", 2),
    _rq("RQ, a fork a job", 50),
    _rq("RQ, SimpleWorker", 10, "--worker-class", "rq.SimpleWorker"),
    # Two processes of eight threads are its defaults on two cores.
    Way(
        "Dramatiq",
        "with_dramatiq:press",
        (("dramatiq", "--processes", "2", f"{PEERS}.with_dramatiq"),),
        2,
        wants="dramatiq",
    ),
    Way(
        "Huey",
        "with_huey:press",
        (("huey.bin.huey_consumer", f"{PEERS}.with_huey.huey", "--workers", "2", "--worker-type", "process"),),
        2,
        wants="huey",
    ),
    Way(
        "procrastinate",
        "with_procrastinate:press",
        # As many jobs at a time as Dramatiq has threads: one, its default, is slower.
        2 * (("procrastinate", "--app", f"{PEERS}.with_procrastinate.app", "worker", "--concurrency", "8"),),
        5,
        wants="procrastinate",
        before=("procrastinate", "--app", f"{PEERS}.with_procrastinate.app", "schema", "--apply"),
    ),
)


def environment(way: Way, database: str, redis: str) -> dict[str, str]:
    """What its processes are told of the servers."""
    return {
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "CELERY_BROKER_URL": redis,
        "CELERY_RESULT_BACKEND": redis,
        **way.settings,
    }
