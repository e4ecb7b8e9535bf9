"""How long 100,000 rows take to import, and how much memory: `python -m benchmarks.run import_returns [ROWS]`.

Makes a file of CSV and a SQLite database in a directory of its own, which it removes, and runs the command as a user
does: once for new rows, once for known ones.
"""

import tempfile
from pathlib import Path

from .measure import Real, peak_of_children, python

ROWS = 100_000
HEADER = "order_line,quantity,amount,currency,reason,customer,customer_email,requested_at"


def write(file: Path, rows: int, *, addresses: bool = True) -> None:
    """Rows that differ, as a shop's would; with the customers' addresses, or none."""
    with file.open("w") as out:
        out.write(f"{HEADER}\n")
        for row in range(rows):
            address = f"c{row}@example.com" if addresses else ""
            cells = f"{row}/1,2,{row % 900 + 1}.50,GBP,too small,c-{row},{address},2025-07-15T12:00:00+03:00"
            out.write(f"{cells}\n")


def main(rows: int = ROWS) -> None:
    """Print seconds, and the most memory that any of the commands held."""
    with tempfile.TemporaryDirectory() as folder:
        file, database = Path(folder) / "returns.csv", Path(folder) / "db.sqlite3"
        write(file, rows)
        python(database, "-m", "refunds", "migrate", "-v0")
        for what in ("new", "known"):
            began = Real.clock()
            python(database, "-m", "refunds", "import_returns", str(file))
            seconds = Real.clock() - began
            print(f"{rows:,} {what} rows in {seconds:.1f} s, {rows / seconds:,.0f} a second\n")
        print(f"at most {peak_of_children():,.0f} MiB in any of them")
