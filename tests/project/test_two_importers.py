"""Two imports at once, in two processes on one database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from refunds.importing.files import Row

from ..chaos.services import servers
from ..importing.files import HEADER, csv_file, line, read
from .production import refunds

pytestmark = pytest.mark.processes


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield the environment with an empty database for several processes."""
    if request.param == "sqlite":
        yield {"DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}
        return
    if lack := servers.lack("postgres"):
        pytest.skip(lack)
    with servers.database() as url:
        yield {"DATABASE_URL": url}


def both(shared: dict[str, str], *files: Path) -> list[tuple[dict[str, int], str]]:
    """Migrate the database and import the files at once; return each import's counts and its standard error."""
    folder = files[0].parent
    migrated = refunds(folder, "migrate", "-v0", environment=shared)
    assert (migrated.stdout, migrated.stderr) == ("", "")
    with ThreadPoolExecutor() as pool:
        imports = [
            pool.submit(refunds, folder, "import_returns", str(file), environment=shared, check=False) for file in files
        ]
    found = []
    for done in (each.result() for each in imports):
        counts = dict(each.rsplit(maxsplit=1) for each in done.stdout.splitlines() if not each.startswith("total"))
        found.append(({name: int(count.replace(",", "")) for name, count in counts.items()}, done.stderr))
    return found


def test_two_imports_at_once_store_each_row_once(tmp_path: Path, shared: dict[str, str]) -> None:
    """Together they import the same file, and neither crashes."""
    file = tmp_path / "returns.csv"
    file.write_bytes(csv_file(*[line(order_line=f"Zoë \\ ☃ \U0001f642 {number}") for number in range(12_000)]))
    results = both(shared, file, file)
    assert [err for _, err in results] == ["", ""]
    assert [(counts["read"], counts["rejected"]) for counts, _ in results] == [(12_000, 0)] * 2
    assert [sum(counts[name] for counts, _ in results) for name in ("imported", "already known")] == [12_000] * 2
    (row,) = (row for row in read(file.read_bytes()) if isinstance(row, Row) and row.content.order_line.endswith(" 7"))
    ask = f"values_list(*{list(vars(row.content))}).get(key={row.key!r})"
    ask = f"from refunds.models import *; print(ReturnRequest.objects.{ask})"
    stored = refunds(tmp_path, "shell", "--no-imports", "-c", ask, environment=shared)
    assert (stored.stdout, stored.stderr) == (f"{tuple(vars(row.content).values())}\n", "")


def test_two_imports_at_once_store_each_return_id_once(tmp_path: Path, shared: dict[str, str]) -> None:
    """Rows with ids in another order and with another reason; one id has other facts in the second file.

    All have the same facts, so that the importers also meet at each number of them.
    """
    size = 3_000
    first = [f"{line()},R-{number}" for number in range(size)]
    second = [f"{line(reason='more')},R-{number}" for number in reversed(range(size))]
    files = tmp_path / "first.csv", tmp_path / "second.csv"
    for file, rows in zip(files, (first, [*second, f"{line(amount='99')},R-0"]), strict=True):
        file.write_bytes(csv_file(*rows, header=f"{HEADER},return_id"))
    (one, nothing), (other, refusal) = both(shared, *files)
    assert (one["rejected"], nothing, other["rejected"]) == (0, "", 1)
    assert refusal.startswith(
        f"line {size + 2}: return_id 'R-0' is known with other facts: amount was 12.50, is now 99.00;"
    )
    assert [one[name] + other[name] for name in ("imported", "already known")] == [size, size]
