"""The provider's books against ours: both sums, and whatever differs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .provider import Given

# Differences of a kind that are named one by one.
SHOWN = 5


@dataclass(frozen=True)
class Owed:
    """A refund in our books, and what the provider should have it as; its receipt is empty until it is accepted."""

    status: str
    failure: str
    given: Given


def problems(owed: Sequence[Owed], given: Sequence[Given], *, settled: bool = True) -> list[str]:
    """A line for each way in which the two differ; none where each refund is in both once, to the cent.

    Where not all is `settled` yet, what is pending, and what the provider lacks or has beyond ours for it, is no line.
    """
    if not settled:
        open_rows = {row.given.reference for row in owed if row.status not in {"succeeded", "failed"}}
        owed = [row for row in owed if row.given.reference not in open_rows]
        known = [refund for refund in given if refund.reference not in open_rows]
    else:
        known = list(given)
    ours, theirs = Counter(row.given for row in owed), Counter(known)
    often = Counter(refund.reference for refund in given)
    found = {
        "still pending": [row.given.reference for row in owed if row.status == "pending"],
        "still under way": [row.given.reference for row in owed if row.status == "processing"],
        "failed": [f"{row.given.reference}: {row.failure}" for row in owed if row.status == "failed"],
        "refunded more than once": [f"{reference}: {count} times" for reference, count in often.items() if count > 1],
        "ours and not, or not so, the provider's": [str(row) for row in (ours - theirs).elements()],
        "the provider's and not, or not so, ours": [str(row) for row in (theirs - ours).elements()],
    }
    return [f"{len(rows)} {name}: {_shown(rows)}" for name, rows in found.items() if rows]


def _shown(rows: Sequence[str]) -> str:
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return "; ".join(rows[:SHOWN]) + more


def paid(owed: Iterable[Owed]) -> list[Given]:
    """What our books say has been paid."""
    return [row.given for row in owed if row.status == "succeeded"]


def sums(rows: Iterable[Given]) -> dict[str, tuple[int, int]]:
    """How many refunds of each currency, and their sum in minor units."""
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for row in rows:
        counts[row.currency] += 1
        totals[row.currency] += row.amount_minor
    return {currency: (counts[currency], totals[currency]) for currency in sorted(counts)}


def table(owed: Sequence[Owed], given: Sequence[Given]) -> list[str]:
    """Both books side by side, as a Markdown table: refunds and minor units, by currency and in all."""
    ours, theirs = sums(paid(owed)), sums(given)
    cells = [("currency", "we paid", "minor units", "provider gave", "minor units")]
    for currency in sorted(ours | theirs):
        cells.append((currency, *_figures(ours.get(currency, (0, 0))), *_figures(theirs.get(currency, (0, 0)))))
    cells.append(("all", *_figures(_all(ours)), *_figures(_all(theirs))))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [" | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    lines.insert(1, " | ".join("-" * (width - 1) + ":" for width in widths))
    return [f"| {line} |" for line in lines]


def _figures(figures: tuple[int, int]) -> tuple[str, str]:
    return f"{figures[0]:,}", f"{figures[1]:,}"


def _all(figures: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(count for count, _ in figures.values()), sum(total for _, total in figures.values())
