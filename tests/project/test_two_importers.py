"""Two imports at once, in two processes on one database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from refunds.importing.files import Row

from ..chaos.services import servers
from ..importing.files import HEADER, csv_file, line, read

pytestmark = pytest.mark.processes


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database for several processes."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'db.sqlite3'}"
        return
    if lack := servers.lack("postgres"):
        pytest.skip(lack)
    with servers.database() as url:
        yield url


def start(database: str, *arguments: str) -> "subprocess.Popen[str]":
    """A command of the default project on the database."""
    return subprocess.Popen(
        [sys.executable, "-m", "refunds", *arguments],
        env={**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "refunds.project.settings"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def both(database: str, *files: Path) -> list[tuple[dict[str, int], str]]:
    """Migrate the database and import the files at once; return each import's counts and its standard error."""
    assert start(database, "migrate", "-v0").communicate() == ("", "")
    results = [each.communicate() for each in [start(database, "import_returns", str(file)) for file in files]]
    found = []
    for out, err in results:
        counts = dict(each.rsplit(maxsplit=1) for each in out.splitlines() if not each.startswith("total"))
        found.append(({name: int(count.replace(",", "")) for name, count in counts.items()}, err))
    return found


def test_two_imports_at_once_store_each_row_once(tmp_path: Path, shared: str) -> None:
    """Together they import the same file, and neither crashes."""
    file = tmp_path / "returns.csv"
    file.write_bytes(csv_file(*[line(order_line=f"Zoë \\ ☃ \U0001f642 {number}") for number in range(12_000)]))
    results = both(shared, file, file)
    assert [err for _, err in results] == ["", ""]
    assert [(counts["read"], counts["rejected"]) for counts, _ in results] == [(12_000, 0)] * 2
    assert sum(counts["imported"] for counts, _ in results) == 12_000
    assert sum(counts["already known"] for counts, _ in results) == 12_000
    ask = "from refunds.models import *; print(*ReturnRequest.objects.filter(key=KEY).values_list(*FIELDS), sep='')"
    (row,) = (row for row in read(file.read_bytes()) if isinstance(row, Row) and row.content.order_line.endswith(" 7"))
    ask = ask.replace("KEY", repr(row.key)).replace("FIELDS", repr(list(vars(row.content))))
    wanted = (f"{tuple(vars(row.content).values())}\n", "")
    assert start(shared, "shell", "--no-imports", "-c", ask).communicate() == wanted


def test_two_imports_at_once_store_each_return_id_once(tmp_path: Path, shared: str) -> None:
    """Rows with ids in another order and with another reason; one id has other facts in the second file.

    All have the same facts, so that the importers also meet at each number of them.
    """
    size = 3_000
    first = [f"{line()},R-{number}" for number in range(size)]
    second = [f"{line(reason='more')},R-{number}" for number in reversed(range(size))]
    files = tmp_path / "first.csv", tmp_path / "second.csv"
    for file, rows in zip(files, (first, [*second, f"{line(amount='99')},R-0"]), strict=True):
        file.write_bytes(csv_file(*rows, header=f"{HEADER},return_id"))
    results = both(shared, *files)
    assert [counts["rejected"] for counts, _ in results] == [0, 1]
    assert results[0][1] == ""
    assert results[1][1].startswith(
        f"line {size + 2}: return_id 'R-0' is known with other facts: amount was 12.50, is now 99.00;"
    )
    assert sum(counts["imported"] for counts, _ in results) == size
    assert sum(counts["already known"] for counts, _ in results) == size
