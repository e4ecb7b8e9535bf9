"""A timeline for other programs and for browsers: JSON, and one HTML page with a lane for each worker and beat."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from .record import Record

# How many of the newest records a page shows: a browser takes seconds for more.
NEWEST = 2_000

GOOD = {"succeeded"}
BAD = {"failed", "worker lost", "child lost", "rejected", "unsent", "unroutable", "unconsumed", "broker lost"}
ODD = {"retried", "redelivered", "expired", "revoked", "rate-limited", "doubled", "clock stepped"}

# What ends a run, and what ends all runs of a worker.
ENDS = {"succeeded", "failed", "retried", "rejected", "revoked"}
GONE = {"worker lost", "worker stopped"}

STYLE = """
body { font: 13px/1.4 system-ui, sans-serif; margin: 1.5em; color: #1d2433; background: #fff }
h1 { font-size: 16px } p { color: #5b6475 }
table { border-collapse: collapse }
th { position: sticky; top: 0; background: #eef1f6; text-align: left; z-index: 1 }
th, td { padding: 3px 10px; vertical-align: top; border-left: 1px solid #dde2ea; height: 1.4em }
td { position: relative } tr.instant td { border-top: 1px solid #c9d0db }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; color: #5b6475; border-left: 0 }
i { position: absolute; top: 0; bottom: 0; width: 5px; background: #7aa7e8 }
i.first { top: 5px; border-radius: 3px 3px 0 0 } i.last { bottom: 5px; border-radius: 0 0 3px 3px }
b { padding: 0 5px; border-radius: 3px; background: #e6eaf1; font-weight: 600; white-space: nowrap }
b.good { background: #cfeedd } b.bad { background: #f9cfcf } b.odd { background: #fdeab8 }
small { color: #5b6475 }
"""


def as_json(records: list[Record]) -> str:
    """Return a JSON list of objects, one for each record; a value that JSON does not know is its repr."""
    return json.dumps([_plain(record) for record in records], indent=1, default=repr)


def as_html(records: list[Record], zone: tzinfo) -> str:
    """Return one self-contained page: time goes down, with a bar for each run."""
    shown = records[-NEWEST:]
    lanes = list(dict.fromkeys(_lane(record) for record in shown))
    runs: dict[str, list[str]] = {lane: [] for lane in lanes}
    rows, before = [], None
    for record in shown:
        rows.append(_row(record, zone, lanes, runs, new=record.at != before))
        before = record.at
    note = f"<p>The newest {NEWEST} of {len(records)} records.</p>" if len(records) > NEWEST else ""
    heads = "".join(f"<th>{escape(lane)}</th>" for lane in lanes)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Celery Rehearsal: timeline</title>\n'
        # Nothing of it runs or loads, whatever a task is called.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<style>{STYLE}</style></head><body><h1>Timeline in {escape(str(zone))}</h1>{note}\n"
        f"<table><tr><th>time</th>{heads}</tr>\n" + "\n".join(rows) + "\n</table></body></html>\n"
    )


def _plain(record: Record) -> dict[str, Any]:
    # The class has slots.
    fields = {name: getattr(record, name) for name in type(record).__slots__}
    return {
        name: value.isoformat() if name in {"at", "when", "expires"} and value else value
        for name, value in fields.items()
    }


def _lane(record: Record) -> str:
    # A fault that is no member's is the test's.
    return record.worker or record.by or "test"


def _row(record: Record, zone: tzinfo, lanes: list[str], runs: dict[str, list[str]], *, new: bool) -> str:
    lane, key = _lane(record), f"{record.id} {record.attempt}"
    slots = runs[lane]
    begins, ends = "", set()
    if record.kind == "started":
        _begin(slots, key)
        begins = key
    elif record.kind in ENDS:
        ends = {key}
    elif record.kind in GONE:
        ends = set(slots)
    cells = [f'<td class="time">{_time(record.at, zone) if new else ""}</td>']
    for one in lanes:
        text = _text(record, zone) if one == lane else ""
        bars = "".join(
            f'<i style="left:{3 + 7 * place}px"{_edge(run, begins, ends if one == lane else set())}></i>'
            for place, run in enumerate(runs[one])
            if run
        )
        cells.append(f'<td style="padding-left:{10 + 7 * len(runs[one])}px">{bars}{text}</td>')
    slots[:] = ["" if run in ends else run for run in slots]
    opened = '<tr class="instant">' if new else "<tr>"
    return f"{opened}{''.join(cells)}</tr>"


def _begin(slots: list[str], key: str) -> None:
    if "" in slots:
        slots[slots.index("")] = key
    else:
        slots.append(key)


def _edge(run: str, begins: str, ends: set[str]) -> str:
    if run == begins:
        return ' class="first"'
    return ' class="last"' if run in ends else ""


def _time(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f'<span title="{at:%Y-%m-%d %H:%M:%S}Z">{local:%Y-%m-%d %H:%M:%S} {escape(f"{local:%Z}")}</span>'


def _text(record: Record, zone: tzinfo) -> str:
    kind = "good" if record.kind in GOOD else "bad" if record.kind in BAD else "odd" if record.kind in ODD else ""
    *_others, number, attempt, _where, more = record.row(zone)
    ids = f"{number} try {attempt}" if number and record.attempt > 1 else number
    parts = [
        f'<b class="{kind}">{escape(record.kind)}</b>',
        escape(record.task),
        f"<small>{escape(ids)} {escape(more)}</small>",
    ]
    return " ".join(parts)
