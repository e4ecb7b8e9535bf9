"""`python -m oracle`: every zone that changes in some years, on every Celery; its exit status is 1 on a difference.

Zones whose clocks say the same are compared once; `--each` compares each of them.

python -m oracle                                 each zone that changes in 2026 and 2027, each release
python -m oracle --zones named --celery 5.7.0    the zones that the tests draw from, one release
python -m oracle --zones Europe/Kyiv --years 2026 2026 --groups all five --no-workers
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import clock, zones
from .app import GROUPS
from .venvs import RELEASES, python


def main() -> int:
    """Run the comparison, print a line for each zone and release, and every difference."""
    wanted = _arguments()
    names = {"all": lambda: zones.changing(*wanted.years), "named": lambda: list(zones.NAMED)}
    chosen = [name for word in wanted.zones for name in names.get(word, lambda word=word: [word])()]
    standing = {name: [name] for name in chosen} if wanted.each else zones.alike(chosen, *wanted.years)
    interpreters = {release: python(release, wanted.venvs) for release in wanted.celery}
    jobs = [(release, zone) for release in wanted.celery for zone in standing]
    failed = 0
    with ThreadPoolExecutor(wanted.processes) as pool:
        answers = pool.map(lambda job: _ask(interpreters[job[0]], _questions(job[1], wanted)), jobs)
        for (release, zone), answered in zip(jobs, answers, strict=True):
            failed += _report(release, zone, len(standing[zone]), answered)
    print(f"{len(jobs)} zones and releases, {failed} with differences")
    return min(failed, 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m oracle", description=__doc__.splitlines()[0])
    parser.add_argument("--zones", nargs="+", default=["all"], help="names, or one of: all, named")
    parser.add_argument("--each", action="store_true", help="also zones whose clocks say the same as another's")
    parser.add_argument("--years", nargs=2, type=int, default=[2026, 2027], metavar=("FIRST", "LAST"))
    parser.add_argument("--celery", nargs="+", default=list(RELEASES), metavar="RELEASE")
    parser.add_argument("--groups", nargs="+", default=["all", "five"], choices=list(GROUPS))
    parser.add_argument(
        "--both-utc",
        dest="utc",
        action="store_const",
        const=[True, False],
        default=[True],
        help="also enable_utc=False",
    )
    parser.add_argument("--no-workers", action="store_true", help="beat only")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--venvs", type=Path, default=Path(".tox/oracle-venvs").absolute())
    return parser.parse_args()


def _questions(zone: str, wanted: argparse.Namespace) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []
    for change in zones.changes(zone, *wanted.years) or [zones.no_change(wanted.years[0])]:
        at = int(change.timestamp())
        for group, utc in itertools.product(wanted.groups, wanted.utc):
            asked.append({"kind": "beat", "zone": zone, "change": at, "group": group, "utc": utc})
        if not wanted.no_workers:
            asked.append({"kind": "worker", "zone": zone, "change": at})
    return asked


def _ask(interpreter: Path, questions: list[dict[str, Any]]) -> list[list[Any]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(clock.TESTS), str(clock.KIT)])}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    command = [str(interpreter), "-m", "oracle.one"]
    finished = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    return [json.loads(line) for line in finished.stdout.splitlines()]


def _report(release: str, zone: str, alike: int, answered: list[list[Any]]) -> bool:
    told: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for kind, what, count, differences, _seconds in answered:
        told[kind] = [have + add for have, add in zip(told[kind], (1, count, len(differences)), strict=True)]
        for line in differences:
            print(f"    {release} {what}: {line}")
    columns = (f"{kind}: {n} runs, {count} records, {bad} differences" for kind, (n, count, bad) in told.items())
    seconds = sum(answer[4] for answer in answered)
    shown = f"{zone} and {alike - 1} alike" if alike > 1 else zone
    print(f"{release}  {shown:32}{'  '.join(columns)}  {seconds:.0f} s", flush=True)
    return any(differences for *_, differences, _seconds in answered)


if __name__ == "__main__":
    sys.exit(main())
