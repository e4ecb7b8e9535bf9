"""The ways to approve all that are measured beside this project's: each decides, and the tables say what was found."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from tempfile import TemporaryFile

import psycopg
import pytest

from benchmarks import servers
from benchmarks.peers import compare, measure, running
from benchmarks.peers.running import Run
from benchmarks.peers.ways import OTHERS, OURS, Way
from benchmarks.report import Skipped
from benchmarks.run import Options
from benchmarks.stage import Postgres

pytestmark = pytest.mark.processes

# A port that nothing listens on.
NOWHERE = "localhost:1"
ROWS = 6


@pytest.fixture(scope="module")
def stocked() -> Iterator[tuple[Postgres, str]]:
    """A server, and the name of a database on it with a few pending returns. Skips where a server is away."""
    try:
        with servers.redis():
            stage = Postgres()
    except Skipped as reason:
        pytest.skip(str(reason))
    now = datetime.now(UTC)
    with (
        pytest.MonkeyPatch.context() as patch,
        stage.stocked("empty", 0, now) as empty,
        stage.pending(empty, "few", 1, running.WARM + ROWS, now) as few,
    ):
        patch.setattr(running, "SETTLE", 0)
        yield stage, few


@pytest.fixture(scope="module", autouse=True)
def _settings() -> Iterator[None]:
    """Processes that are started have settings of their own, not those of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DJANGO_SETTINGS_MODULE")
        yield


@pytest.mark.services
@pytest.mark.parametrize("way", [OURS, *OTHERS], ids=lambda way: way.name)
def test_each_way_decides_all(stocked: tuple[Postgres, str], way: Way) -> None:
    """Its workers decide each row once, and the request is answered no later than all of it is decided and seen."""
    if way.lacks:
        pytest.skip(f"{way.lacks} is not installed: it is measured beside this project, which does not need it")
    found = running.run(way, *stocked, ROWS)
    assert found.rows == ROWS
    assert found.held > 0
    assert found.total > 0


@pytest.mark.services
def test_rows_left_undecided_are_no_measurement(stocked: tuple[Postgres, str]) -> None:
    """Where rows are not approved, or have no refund, there is an error instead of a number."""
    stage, source = stocked
    with (
        stage.copied(source, "undecided") as url,
        psycopg.connect(url) as session,
        TemporaryFile() as log,
        pytest.raises(RuntimeError, match=r"approved and owed are \(0, 0\), not 6 each"),
    ):
        running.Work(OURS, session, [], log).check(ROWS)


@pytest.mark.services
def test_a_way_whose_worker_ends_is_no_measurement(stocked: tuple[Postgres, str]) -> None:
    """The error has the last lines that its processes wrote."""
    way = replace(OURS, name="none", workers=(("celery", "-A", "no_such_module", "worker"),))
    with pytest.raises(RuntimeError, match=r"(?s)none: stuck or ended.*no_such_module"):
        running.run(way, *stocked, ROWS)


@pytest.mark.parametrize("name", ["POSTGRES", "REDIS"])
def test_without_a_server_it_is_skipped(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With the reason, before anything is measured."""
    scheme = "postgres" if name == "POSTGRES" else "redis"
    monkeypatch.setattr(servers, name, f"{scheme}://{NOWHERE}")
    if name == "REDIS":
        monkeypatch.setattr(compare, "Postgres", lambda: None)
    with pytest.raises(Skipped, match=f"REFUNDS_TEST_{name}"):
        next(measure(Options()))


def test_the_tables_are_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates are those measured; the seconds of a part are those that all rows would take; what is absent is named."""
    orm, rq = OTHERS[0], next(way for way in OTHERS if way.wants == "rq")
    monkeypatch.setattr(Way, "lacks", property(lambda way: "rq" if way is rq else ""))
    ours = [Run(10_000, 0.01, 0.1), Run(10_000, 0.01, 0.2), Run(10_000, 0.01, 0.1)]
    theirs = [Run(1_000, 1.0, 10.0), Run(1_000, 1.0, 10.0), Run(1_000, 2.0, 20.0)]
    found = compare.rates(10_000, 10_000, ours, {orm.name: theirs})
    assert [figure.name for figure in found.figures] == [OURS.name, orm.name]
    assert found.figures[1].ratios == [1_000, 500, 2_000]
    assert found.figures[1].met
    assert found.figures[1].more == {"its rows/s": "100 (50.0 to 100)", "all decided after": "100 s", "rows": "1,000"}
    assert found.note.endswith(f"because rq is not installed: {rq.name}.")
    held = compare.held(10_000, {OURS.name: ours, orm.name: theirs})
    assert [(figure.name, list(figure.values), figure.unit) for figure in held.figures] == [
        (OURS.name, [10, 10, 10], "ms"),
        (orm.name, [10_000, 10_000, 20_000], "ms"),
    ]
    assert held.figures[1].ratios == pytest.approx([1_000, 1_000, 2_000])
