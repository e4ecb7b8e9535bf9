"""How long 100,000 rows take to import, and how much memory: `python benchmarks/import_returns.py [ROWS]`.

Makes a file of CSV and a SQLite database in a directory of its own, which it removes, and runs the command as a user
does: once for new rows, once for known ones.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 100_000
HEADER = "order_line,quantity,amount,currency,reason,customer,customer_email,requested_at"


def write(file: Path, rows: int) -> None:
    """Rows that differ, as a shop's would."""
    with file.open("w") as out:
        out.write(f"{HEADER}\n")
        for row in range(rows):
            cells = f"{row}/1,2,{row % 900 + 1}.50,GBP,too small,c-{row},c{row}@example.com,2025-07-15T12:00:00+03:00"
            out.write(f"{cells}\n")


def run(database: Path, *arguments: str) -> float:
    """Seconds that the command took. Raises CalledProcessError where it failed."""
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}", "DJANGO_SETTINGS_MODULE": "refunds.settings"}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "refunds", *arguments], check=True, env=environment)  # noqa: S603  # own words
    return time.perf_counter() - began


def main() -> None:
    """Print seconds, and the most memory that any of the commands held."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        file, database = Path(folder) / "returns.csv", Path(folder) / "db.sqlite3"
        write(file, rows)
        run(database, "migrate", "-v0")
        for what in ("new", "known"):
            seconds = run(database, "import_returns", str(file))
            print(f"{rows:,} {what} rows in {seconds:.1f} s, {rows / seconds:,.0f} a second\n")  # noqa: T201  # its result
        # Kibibytes on Linux, bytes on macOS.
        unit = 2**20 if sys.platform == "darwin" else 2**10
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
        print(f"at most {peak:,.0f} MiB in any of them")  # noqa: T201


if __name__ == "__main__":
    main()
