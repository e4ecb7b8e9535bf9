"""Real returns: the extract in this folder, or the whole file on a machine that has it."""

import csv
import os
from decimal import Decimal
from pathlib import Path

WHOLE = "online_retail_returns_h1.csv"
EXTRACT = Path(__file__).with_name("online_retail_returns_extract.csv")


def find() -> Path:
    """Return the whole file from the folder that REFUNDS_TEST_DATA names or from ../shared/data, else the extract."""
    if named := os.environ.get("REFUNDS_TEST_DATA"):
        return Path(named) / WHOLE
    beside = Path(__file__).parents[3] / "shared" / "data" / WHOLE
    return beside if beside.is_file() else EXTRACT


def count_and_total(file: Path) -> tuple[int, int]:
    """Return how many rows the file has, and what they come to in pence."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    pence = -100 * sum(Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in rows)
    assert pence == int(pence)
    return len(rows), int(pence)
