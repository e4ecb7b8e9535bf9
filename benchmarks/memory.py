"""How much memory approve-all takes: a process for each number of rows, for a peak is never forgotten."""

from collections.abc import Sequence
from pathlib import Path

from .measure import peak, python
from .run import prepare


def measure(sizes: Sequence[int]) -> dict[int, float]:
    """MiB that the peak of a process grows by while it approves so many rows and pays them, by the number of rows."""
    from django.db import connection

    from refunds.demo import scratch_database

    from .rows import fill
    from .sweep import AT

    grown = {}
    for size in sizes:
        with scratch_database():
            fill(size, AT)
            connection.close()
            grown[size] = float(python(Path(connection.settings_dict["NAME"]), "-m", __name__, capture=True))
    return grown


def main() -> None:
    """Approve all rows of the database, in this process, and print by how many MiB its peak grew."""
    prepare()
    from .sweep import approve_all

    before = peak()
    approve_all()
    print(peak() - before)


if __name__ == "__main__":
    main()
