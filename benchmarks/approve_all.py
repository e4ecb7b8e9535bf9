"""What a press of the button costs, and all that follows it: `python -m benchmarks.run approve_all [ROWS]`.

Every number is of SQLite files that are removed again, and comes with the one to hold it against from the same run.
"""

from collections.abc import Sequence
from statistics import median

from . import memory, press, sweep
from .measure import Times, table

CLICKS = 30
ROUNDS = 5
CHUNKS = (1_000, 5_000, 20_000)


def main(rows: int, *, clicks: int = CLICKS, rounds: int = ROUNDS, chunks: Sequence[int] = CHUNKS) -> None:
    """Print a table each for the click, for approve-all of `rows` rows, for chunk sizes and for memory."""
    few = max(1, rows // 100)
    print(_clicks(press.measure((few, rows), clicks)))
    print(_sweeps(rows, sweep.measure(rows, chunks, rounds)))
    print(_memory(memory.measure((max(1, rows // 10), rows))))


def _clicks(found: Sequence[press.Clicks]) -> str:
    few, many = found
    lines = [["", *(f"{size.pending:,} pending" for size in found), "ratio"]]
    for name, times in (("press", [size.press for size in found]), ("page", [size.page for size in found])):
        for percent in (50, 95):
            at_few, at_many = (each.percentile(percent) * 1_000 for each in times)
            lines.append([f"{name}, p{percent}", f"{at_few:.1f} ms", f"{at_many:.1f} ms", f"{at_many / at_few:.2f}"])
    # A process's first press loads the admin and connects to the broker.
    lines.append(["first press", *(f"{size.presses[0] * 1_000:.0f} ms" for size in (few, many)), ""])
    return table(f"The click: {len(few.press.seconds)} by turns", lines)


def _sweeps(rows: int, found: dict[str, list[sweep.Run]]) -> str:
    lines = [
        ["rows a chunk", "deciding", "÷ raw", "longest", "paying", "÷ raw", "paying ÷ deciding", "whole", "rows/s"]
    ]
    for name, runs in found.items():
        pairs = list(zip(runs, found["raw"], strict=True))
        whole = Times([run.whole for run in runs])
        lines.append(
            [
                name,
                str(Times([run.deciding for run in runs])),
                f"{median(run.deciding / raw.deciding for run, raw in pairs):.2f}",
                f"{median(run.longest for run in runs) * 1_000:.0f} ms",
                str(Times([run.paying for run in runs])),
                f"{median(run.paying / raw.paying for run, raw in pairs):.2f}",
                f"{median(run.paying / run.deciding for run in runs):.2f}",
                str(whole),
                f"{rows / whole.median:,.0f}",
            ]
        )
    return table(f"Approve-all of {rows:,} rows, press to last paid refund: {len(found['raw'])} rounds", lines)


def _memory(grown: dict[int, float]) -> str:
    lines = [["rows", "peak grows by"], *([f"{rows:,}", f"{mib:.1f} MiB"] for rows, mib in grown.items())]
    return table("Memory of approve-all, a process each", lines)
